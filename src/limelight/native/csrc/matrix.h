// Products with matrices that were packed once: y = act(W x + b) * gate + residual, row by row of x, in float32 to the outside.
//
// A matrix stands in panels of 32 outputs. A panel is a stream of steps along the inputs, 128 bytes each: 32 outputs times one float32, two bfloat16 or four
// int8 (kept as u8 = w + 128). An int4 panel is a stream of groups of 32 inputs: 32 scales in fp16, then 4 double steps of 128 bytes, the first of the two in
// the low nibbles (kept as w + 8). Rows of x are converted to the same words of 4 bytes: a float, two bfloat16, or four int8 with a scale of the row's own.
// Every sum runs along the inputs in one order, whatever rows stand beside it and however many threads work: equal bits.
#pragma once
#include <cstddef>
#include <cstdint>

#include "pool.h"

namespace limelight {

enum class Kind : int32_t { float32, bfloat16, int8, int4 };
enum class Act : int32_t { none, relu, gelu, gelu_tanh, silu, tanh, quick_gelu };

constexpr int64_t kPanel = 32, kGroup = 32;

// As matrix.py lays it out; `scale` and `bias` have one float for each output.
struct Matrix {
  const uint8_t* panels;
  const float* scale;              // int8 and int4, else null
  const float* bias;               // or null
  int64_t outputs, inputs;
  Kind kind;
};

struct Epilogue {
  Act act = Act::none;
  const float* gate = nullptr;     // (rows, outputs) or null; may not be y
  int64_t gate_stride = 0;
  const float* residual = nullptr; // (rows, outputs) or null; may be y
  int64_t residual_stride = 0;
};

struct Rows { float* at; int64_t stride; };
struct Given { const float* at; int64_t stride; };          // rows of floats, `stride` apart

// Bytes of scratch (aligned to 64) that `convert` fills for so many rows.
size_t scratch_bytes(const Matrix&, int64_t rows);

// The rows of this thread's share, `pool.mine(rows, index)`, in the words of the matrix. Matrices of one kind and width share what was converted.
// A thread that made the same share of x itself needs no barrier before; all need one after, before `multiply`.
void convert(const Matrix&, Given x, int64_t rows, void* scratch, int index, const Pool&);

// All threads enter; each takes outputs until none are left. Another product, or a reader of y, needs a barrier after.
void multiply(const Matrix&, int64_t rows, const void* scratch, Rows y, const Epilogue&, Pool&);

// convert, barrier, multiply, barrier: every thread of the call enters with its index, x being whole.
void product(const Matrix&, Given x, int64_t rows, void* scratch, Rows y, const Epilogue&, int index, Pool&);

}  // namespace limelight
