// A column of layers as stack.py lays it out, and what one call of it is given.
#pragma once
#include <cstring>

#include "matrix.h"
#include "norm.h"

namespace limelight {

enum class NormKind : int32_t { none, layer, rms };

struct Norm {
  const float* weight;
  const float* bias;
  float eps;
  NormKind kind;

  void operator()(const float* x, int64_t width, float* y) const {
    switch (kind) {
      case NormKind::layer: return layer_norm(x, width, weight, bias, eps, y);
      case NormKind::rms: return rms_norm(x, width, weight, eps, y);
      case NormKind::none: if (x != y) std::memcpy(y, x, width * sizeof(float));
    }
  }
};

struct Heads {
  const Matrix* in;                // queries, keys and values side by side; queries alone where keys are a memory's; null where there is none
  const Matrix* out;
  Norm query, key;                 // of each head, before it is turned
  int64_t heads, groups, width, window;
  float scale;
};

struct Block {
  Heads self, cross;
  Norm self_norm, cross_norm, ff_norm;
  const Matrix *up, *gate, *down;  // gate: null where there is none
  Act act;
};

struct Column {
  const Block* blocks;
  int64_t depth, dim;
  int32_t causal, pre;
  Norm last;
};

// Keys: of slot t, layer i, group g at base + pages[t / page] + i * layer + g * group + t % page * width; values `values` further. In elements.
struct Store {
  void* base;
  const int64_t* pages;            // (sequences, pages_each)
  int64_t pages_each, page, layer, values, group, half;              // half: bfloat16
};

struct Turns {                     // of rotary positions, by token
  const float *cos, *sin;
  int64_t pairs;
};

struct Masks {
  const uint8_t* keep;             // (sequences, slots), or null
  int64_t keep_stride;
  const float* bias;               // (heads, queries, slots), or null; the first query stands in slot bias_from
  int64_t bias_head, bias_query, bias_from;
};

struct Step { int64_t row, group, slot; };

struct Far {                       // the memory's keys and values: of row r, group g, slot t at r * row + g * group + t * slot
  const void* const* at;           // (2 depth): keys and values of each layer
  const Step* steps;               // of each layer
  const int64_t* rows;             // which row each sequence looks at; null where there is no memory
  const uint8_t* keep;             // (rows, slots), or null
  int64_t slots, half;
};

struct Call {
  float* x;                        // (tokens, dim): vectors that go in, and what was made of them
  int64_t tokens, sequences;
  const int64_t* first;            // (sequences + 1): rows
  const int64_t* past;             // (sequences): the slot of each one's first row
  Store store;
  Turns turns;
  Masks masks;
  Far far;
  float *const *self_asked, *const *cross_asked;           // of each layer: where its queries (tokens, heads * width) are noted, or null
  int64_t threads;
};

}  // namespace limelight
