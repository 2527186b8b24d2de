#include "matrix.h"

#include "matrix_rows.h"
#include "matrix_sums.h"
#include "simd.h"

namespace limelight {
namespace {

constexpr int64_t kBlockBytes = 512 << 10;                            // converted rows that are worked on together: they stay in the second cache

template <Act act> __m512 bend(__m512 x) {
  switch (act) {
    case Act::relu: return relu16(x);
    case Act::gelu: return gelu16(x);
    case Act::gelu_tanh: return gelu_tanh16(x);
    case Act::silu: return silu16(x);
    case Act::tanh: return tanh16(x);
    case Act::quick_gelu: return quick_gelu16(x);
    default: return x;
  }
}

struct Place { int64_t row; int rows; int64_t column; };             // a tile of y, one panel wide: it may reach over the end

template <Act act> void finish(const Matrix& m, const Converted& c, const Place& at, const float* sums, Rows y, const Epilogue& e) {
  for (int r = 0; r < at.rows; ++r)
    for (int v = 0; v < kPanel && at.column + v < m.outputs; v += 16) {
      const int64_t row = at.row + r, column = at.column + v;
      const __mmask16 there = lanes(m.outputs - column);
      __m512 z = _mm512_load_ps(sums + r * kPanel + v);
      if (m.scale) z = _mm512_mul_ps(z, _mm512_mul_ps(_mm512_set1_ps(c.scale[row]), _mm512_maskz_loadu_ps(there, m.scale + column)));
      if (m.bias) z = _mm512_add_ps(z, _mm512_maskz_loadu_ps(there, m.bias + column));
      z = bend<act>(z);
      if (e.gate) z = _mm512_mul_ps(z, _mm512_maskz_loadu_ps(there, e.gate + row * e.gate_stride + column));
      if (e.residual) z = _mm512_add_ps(z, _mm512_maskz_loadu_ps(there, e.residual + row * e.residual_stride + column));
      _mm512_mask_storeu_ps(y.at + row * y.stride + column, there, z);
    }
}

using Finish = void (*)(const Matrix&, const Converted&, const Place&, const float*, Rows, const Epilogue&);

Finish finishing(Act act) {
  static constexpr Finish all[] = {finish<Act::none>, finish<Act::relu>, finish<Act::gelu>,      finish<Act::gelu_tanh>,
                                   finish<Act::silu>, finish<Act::tanh>, finish<Act::quick_gelu>};
  return all[static_cast<int>(act)];
}

// Asks for the lines of y that a tile will write, while its sums are still being made.
void expect(const Place& at, Rows y) {
  for (int r = 0; r < at.rows; ++r)
    for (int v = 0; v < kPanel; v += 16) __builtin_prefetch(y.at + (at.row + r) * y.stride + at.column + v, 1);
}

// One block of rows against panels first ... last, which stay in a cache from tile to tile of the rows.
struct Block { int64_t row, rows; Range panels; };

void work_on(const Matrix& m, const Converted& c, const Block& b, Rows y, const Epilogue& e) {
  alignas(64) float sums[kMostRows * kPanel];
  const Finish done = finishing(e.act);
  const int64_t tiles = ceil_div(b.rows, tallest(m.kind, b.rows)), bytes = panel_bytes(m, c);
  for (int64_t panel = b.panels.first; panel < b.panels.last; ++panel)
    for (int64_t tile = 0; tile < tiles; ++tile) {                    // of nearly equal height: 13 rows are 7 and 6
      const int64_t row = b.row + b.rows * tile / tiles;
      const Place at{row, static_cast<int>(b.row + b.rows * (tile + 1) / tiles - row), panel * kPanel};
      expect(at, y);
      choose(m.kind, at.rows)(c, row, m.panels + panel * bytes, tile == 0, sums);
      done(m, c, at, sums, y, e);
    }
}

}  // namespace

void multiply(const Matrix& m, int64_t rows, const void* scratch, Rows y, const Epilogue& e, Pool& pool) {
  if (!rows || !m.outputs) return;
  const Converted c = layout(m, rows, const_cast<void*>(scratch));
  const int64_t tall = tallest(m.kind, rows), fit = kBlockBytes / c.bytes / tall * tall;
  const int64_t blocks = ceil_div(rows, fit < tall ? tall : fit), panels = ceil_div(m.outputs, kPanel);
  const int64_t pieces = pool.count() == 1 ? 1 : 8 * pool.count(), wide = ceil_div(panels, pieces);
  const int64_t across = ceil_div(panels, wide);
  for (int64_t piece = pool.take(); piece < blocks * across; piece = pool.take()) {
    const int64_t block = piece / across, first = piece % across * wide, row = rows * block / blocks;
    work_on(m, c, {row, rows * (block + 1) / blocks - row, {first, first + wide < panels ? first + wide : panels}}, y, e);
  }
}

void product(const Matrix& m, Given x, int64_t rows, void* scratch, Rows y, const Epilogue& e, int index, Pool& pool) {
  convert(m, x, rows, scratch, index, pool);
  pool.barrier();
  multiply(m, rows, scratch, y, e, pool);
  pool.barrier();
}

}  // namespace limelight
