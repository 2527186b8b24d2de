// Rows of x in the words of a kind of matrix, as they lie in scratch.
#pragma once
#include "matrix.h"

namespace limelight {

constexpr int kMostRows = 12;                                         // that have sums in registers at once

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Converted {
  uint8_t* words;
  int64_t stride;                      // bytes from row to row: an odd number of lines, so that rows do not share a cache set; a group in int4
  int64_t across;                      // bytes from group to group of a row; int4, where the rows of a group lie side by side
  int64_t bytes;                       // of a row
  float* scale;                        // of each row; int8 and int4
  int32_t* start;                      // of each row (in int4 by group, then row): what the sum of products with u8 weights starts from
  int64_t steps, groups, rows;
};

Converted layout(const Matrix&, int64_t rows, void* scratch);

}  // namespace limelight
