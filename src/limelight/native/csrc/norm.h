// Layer and root-mean-square norms of one row, in float32. `y` may be `x`.
#pragma once
#include "simd.h"

namespace limelight {

// The sum of what `each(values, lanes)` makes of a row; the order of adding depends on the width alone.
template <class Each> inline float sum_over(const float* x, int64_t width, Each&& each) {
  __m512 sums[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
  for (int64_t i = 0; i < width; i += 64)
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part) {
      const int64_t left = width - i - 16 * part;
      if (left <= 0) break;
      const __mmask16 there = lanes(left);
      sums[part] = _mm512_add_ps(sums[part], each(_mm512_maskz_loadu_ps(there, x + i + 16 * part), there));
    }
  return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3])));
}

// y = (x - mean) * factor * weight + bias; weight and bias may be null.
inline void scale_row(const float* x, int64_t width, float mean, float factor, const float* weight, const float* bias, float* y) {
  const __m512 middle = _mm512_set1_ps(mean), by = _mm512_set1_ps(factor);
  for (int64_t i = 0; i < width; i += 16) {
    const __mmask16 there = lanes(width - i);
    __m512 out = _mm512_mul_ps(_mm512_sub_ps(_mm512_maskz_loadu_ps(there, x + i), middle), by);
    if (weight) out = _mm512_mul_ps(out, _mm512_maskz_loadu_ps(there, weight + i));
    if (bias) out = _mm512_add_ps(out, _mm512_maskz_loadu_ps(there, bias + i));
    _mm512_mask_storeu_ps(y + i, there, out);
  }
}

inline float inverse_root(float x) { return 1.f / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); }

// Ba et al. 2016.
inline void layer_norm(const float* x, int64_t width, const float* weight, const float* bias, float eps, float* y) {
  const float mean = sum_over(x, width, [](__m512 v, __mmask16) { return v; }) / width;
  const __m512 middle = _mm512_set1_ps(mean);
  const float squares = sum_over(x, width, [&](__m512 v, __mmask16 there) {
    const __m512 away = _mm512_maskz_sub_ps(there, v, middle);
    return _mm512_mul_ps(away, away);
  });
  scale_row(x, width, mean, inverse_root(squares / width + eps), weight, bias, y);
}

// Zhang & Sennrich 2019.
inline void rms_norm(const float* x, int64_t width, const float* weight, float eps, float* y) {
  const float squares = sum_over(x, width, [](__m512 v, __mmask16) { return _mm512_mul_ps(v, v); });
  scale_row(x, width, 0.f, inverse_root(squares / width + eps), weight, nullptr, y);
}

}  // namespace limelight
