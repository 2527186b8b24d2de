#include "matrix_rows.h"

#include <cstring>

#include "bfloat.h"
#include "simd.h"

namespace limelight {
namespace {

constexpr int64_t kLine = 64;

void to_floats(const float* x, int64_t width, uint8_t* words) { std::memcpy(words, x, width * sizeof(float)); }

void to_bfloats(const float* x, int64_t width, uint8_t* words) {     // zeros behind the end
  for (int64_t i = 0; i < width; i += 16)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(words + 2 * i), narrowed(_mm512_maskz_loadu_ps(lanes(width - i), x + i)));
}

// The largest size in a row, as bits: there NaN and infinity are above all numbers.
int32_t largest(const float* x, int64_t width) {
  const __m512i size = _mm512_set1_epi32(0x7FFFFFFF);
  __m512i most = _mm512_setzero_si512(), other = most;
  int64_t i = 0;
  for (; i + 32 <= width; i += 32) {
    most = _mm512_max_epi32(most, _mm512_and_si512(size, _mm512_loadu_si512(x + i)));
    other = _mm512_max_epi32(other, _mm512_and_si512(size, _mm512_loadu_si512(x + i + 16)));
  }
  for (; i < width; i += 16) most = _mm512_max_epi32(most, _mm512_and_si512(size, _mm512_maskz_loadu_epi32(lanes(width - i), x + i)));
  return _mm512_reduce_max_epi32(_mm512_max_epi32(most, other));
}

struct Scales { float down, up; };                                    // to whole numbers and back

// A row that holds NaN or infinity has no scale: all that it gives is NaN. One too small for a float's range is taken for zero.
Scales scales(const float* x, int64_t width) {
  const int32_t bits = largest(x, width);
  float most;
  std::memcpy(&most, &bits, sizeof most);
  if (bits >= 0x7F800000) return {0.f, __builtin_nanf("")};
  return most < 1e-30f ? Scales{0.f, 0.f} : Scales{127.f / most, most / 127.f};
}

// Sixteen numbers of a row; what lies behind its end, and all of a row without a scale, is zero.
__m512i whole(const float* x, __mmask16 there, __m512 down) {
  const __mmask16 sound = _mm512_mask_cmp_ps_mask(there, down, _mm512_setzero_ps(), _CMP_GT_OQ);
  return _mm512_maskz_cvtps_epi32(sound, _mm512_mul_ps(_mm512_maskz_loadu_ps(sound, x), down));
}

float to_bytes(const float* x, int64_t width, uint8_t* words, int32_t* start) {
  const Scales by = scales(x, width);
  const __m512 down = _mm512_set1_ps(by.down);
  __m512i sum = _mm512_setzero_si512();
  for (int64_t i = 0; i < width; i += 16) {
    const __m512i q = whole(x + i, lanes(width - i), down);
    sum = _mm512_add_epi32(sum, q);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(words + i), _mm512_cvtsepi32_epi8(q));
  }
  *start = -128 * _mm512_reduce_add_epi32(sum);
  return by.up;
}

float to_grouped_bytes(const float* x, int64_t width, const Converted& c, int64_t row) {
  uint8_t* words = c.words + row * c.stride;
  int32_t* start = c.start + row;
  const Scales by = scales(x, width);
  const __m512 down = _mm512_set1_ps(by.down);
  for (int64_t i = 0; i < width; i += kGroup, words += c.across, start += c.rows) {
    const __m512i low = whole(x + i, lanes(width - i), down);
    const __m512i high = whole(x + i + 16, lanes(width - i - 16), down);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(words), _mm512_cvtsepi32_epi8(low));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(words + 16), _mm512_cvtsepi32_epi8(high));
    *start = -8 * _mm512_reduce_add_epi32(_mm512_add_epi32(low, high));
  }
  return by.up;
}

// Bytes from group to group: side by side up to a tile of rows; of more 7, 15, 23 ... lines, so that the groups of a tile share no cache set.
int64_t apart(int64_t rows) { return rows <= kMostRows ? rows * kGroup : (ceil_div(rows * kGroup, kLine) | 7) * kLine; }

int64_t words_bytes(const Matrix& m, const Converted& c) { return m.kind == Kind::int4 ? c.groups * c.across : c.rows * c.stride; }

}  // namespace

Converted layout(const Matrix& m, int64_t rows, void* scratch) {
  Converted c{};
  c.groups = m.kind == Kind::int4 ? ceil_div(m.inputs, kGroup) : 1;
  switch (m.kind) {
    case Kind::float32: c.steps = m.inputs; break;
    case Kind::bfloat16: c.steps = ceil_div(m.inputs, 2); break;
    case Kind::int8: c.steps = ceil_div(m.inputs, 4); break;
    case Kind::int4: c.steps = c.groups * (kGroup / 4); break;
  }
  c.rows = rows, c.bytes = c.stride = (ceil_div(c.steps * 4, kLine) | 1) * kLine;
  if (m.kind == Kind::int4) c.bytes = c.steps * 4, c.stride = kGroup, c.across = apart(rows);
  c.words = static_cast<uint8_t*>(scratch);
  c.scale = reinterpret_cast<float*>(c.words + words_bytes(m, c));
  c.start = reinterpret_cast<int32_t*>(c.scale + rows);
  return c;
}

size_t scratch_bytes(const Matrix& m, int64_t rows) {
  const Converted c = layout(m, rows, nullptr);
  return words_bytes(m, c) + rows * (sizeof(float) + c.groups * sizeof(int32_t)) + kLine;
}

void convert(const Matrix& m, Given x, int64_t rows, void* scratch, int index, const Pool& pool) {
  const Converted c = layout(m, rows, scratch);
  const Range mine = pool.mine(rows, index);
  for (int64_t row = mine.first; row < mine.last; ++row) {
    const float* from = x.at + row * x.stride;
    uint8_t* to = c.words + row * c.stride;
    switch (m.kind) {
      case Kind::float32: to_floats(from, m.inputs, to); break;
      case Kind::bfloat16: to_bfloats(from, m.inputs, to); break;
      case Kind::int8: c.scale[row] = to_bytes(from, m.inputs, to, c.start + row); break;
      case Kind::int4: c.scale[row] = to_grouped_bytes(from, m.inputs, c, row); break;
    }
  }
}

}  // namespace limelight
