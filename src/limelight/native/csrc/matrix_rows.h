// Rows of x in the words of a kind of matrix, as they lie in scratch.
#pragma once
#include "matrix.h"

namespace limelight {

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Converted {
  uint8_t* words;
  int64_t stride;                      // bytes from row to row: an odd number of lines, so that rows do not share a cache set
  float* scale;                        // of each row; int8 and int4
  int32_t* start;                      // of each row (and group of int4): what the sum of products with u8 weights starts from
  int64_t steps, groups;
};

Converted layout(const Matrix&, int64_t rows, void* scratch);

}  // namespace limelight
