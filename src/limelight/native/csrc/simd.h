// Sixteen floats at a time: exponential, the activations, masked loads. NaN stays NaN everywhere.
#pragma once
#include <immintrin.h>

#include <cstdint>

namespace limelight {

// Lanes that are still there: `left`, at least none and at most 16.
inline __mmask16 lanes(int64_t left) { return left >= 16 ? 0xFFFF : left <= 0 ? 0 : static_cast<__mmask16>((1u << left) - 1); }

template <int kTerms> inline __m512 polynomial(__m512 x, const float (&c)[kTerms]) {     // the highest power first
  __m512 sum = _mm512_set1_ps(c[0]);
#pragma GCC unroll 16
  for (int i = 1; i < kTerms; ++i) sum = _mm512_fmadd_ps(sum, x, _mm512_set1_ps(c[i]));
  return sum;
}

// e^x; 0 below 2^-126, for Intel's processors take a hundred cycles over a number that is smaller.
inline __m512 exp16(__m512 x) {
  static constexpr float kTaylor[] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f, 1.f, 1.f};
  const __mmask16 not_tiny = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-87.33654f), _CMP_NLT_UQ);
  x = _mm512_min_ps(_mm512_set1_ps(89.f), x);                                            // min hands its second operand on when it is NaN
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504088896341f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
  return _mm512_maskz_scalef_ps(not_tiny, polynomial(r, kTaylor), n);
}

// 2^x for x <= 1, within 1e-7 relative; 0 below 2^-126.
inline __m512 exp2_16(__m512 x) {
  static constexpr float kFitted[] = {0.00015353361959569156f, 0.0013398875016719103f, 0.00961843691766262f, 0.055503323674201965f, 0.24022647738456726f, 0.6931471824645996f, 1.f};
  const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __mmask16 not_tiny = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-126.f), _CMP_NLT_UQ);
  return _mm512_maskz_scalef_ps(not_tiny, polynomial(_mm512_sub_ps(x, whole), kFitted), whole);
}

inline __m512 sigmoid_of_minus(__m512 x) { return _mm512_div_ps(_mm512_set1_ps(1.f), _mm512_add_ps(_mm512_set1_ps(1.f), exp16(x))); }

inline __m512 relu16(__m512 x) { return _mm512_max_ps(_mm512_setzero_ps(), x); }

inline __m512 silu16(__m512 x) { return _mm512_mul_ps(x, sigmoid_of_minus(_mm512_sub_ps(_mm512_setzero_ps(), x))); }

// x sigmoid(1.702 x) (Hendrycks & Gimpel 2016, section 2).
inline __m512 quick_gelu16(__m512 x) { return _mm512_mul_ps(x, sigmoid_of_minus(_mm512_mul_ps(_mm512_set1_ps(-1.702f), x))); }

inline __m512 tanh16(__m512 x) {
  static constexpr float kNear[] = {-5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f, 1.33314422036e-1f, -3.33332819422e-1f};
  const __m512 size = _mm512_abs_ps(x), square = _mm512_mul_ps(x, x);
  const __m512 near = _mm512_fmadd_ps(_mm512_mul_ps(polynomial(square, kNear), square), x, x);
  const __m512 far = _mm512_fnmadd_ps(_mm512_set1_ps(2.f), sigmoid_of_minus(_mm512_add_ps(size, size)), _mm512_set1_ps(1.f));
  const __m512 sign = _mm512_and_ps(x, _mm512_set1_ps(-0.f));
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(size, _mm512_set1_ps(0.625f), _CMP_LT_OQ), _mm512_or_ps(far, sign), near);
}

// x / (1 + exp(-2 u)), u = sqrt(2 / pi) (x + 0.044715 x^3): the same as x (1 + tanh u) / 2 (Hendrycks & Gimpel 2016).
inline __m512 gelu_tanh16(__m512 x) {
  const __m512 square = _mm512_mul_ps(x, x);
  const __m512 inner = _mm512_fmadd_ps(square, _mm512_set1_ps(-2 * 0.7978845608f * 0.044715f), _mm512_set1_ps(-2 * 0.7978845608f));
  return _mm512_mul_ps(x, sigmoid_of_minus(_mm512_mul_ps(x, inner)));
}

// x P(X <= x) for a standard normal X, from its tail h = t P(t) exp(-x^2 / 2), t = 1 / (1 + |x| / sqrt 8); P was fitted to 5e-8.
inline __m512 gelu16(__m512 x) {
  static constexpr float kTail[] = {-2.953246269e-02f, 1.422783254e-01f, -2.435823723e-01f, 1.390150035e-01f, -1.330105370e-02f,
                                    1.013388621e-01f,  1.215529394e-01f, 1.411875210e-01f,  1.410432159e-01f};
  const __m512 one = _mm512_set1_ps(1.f), half = _mm512_set1_ps(-0.5f);
  const __m512 size = _mm512_min_ps(_mm512_set1_ps(15.f), _mm512_abs_ps(x)), square = _mm512_mul_ps(size, size);     // there is no tail beyond
  const __m512 lost = _mm512_mul_ps(_mm512_fmsub_ps(size, size, square), half);            // what rounding took from the exponent
  const __m512 t = _mm512_div_ps(one, _mm512_fmadd_ps(size, _mm512_set1_ps(0.3535533906f), one));
  const __m512 bell = exp16(_mm512_mul_ps(square, half));
  const __m512 tail = _mm512_mul_ps(_mm512_mul_ps(polynomial(t, kTail), t), _mm512_fmadd_ps(bell, lost, bell));
  const __mmask16 negative = _mm512_movepi32_mask(_mm512_castps_si512(x));
  return _mm512_mul_ps(x, _mm512_mask_blend_ps(negative, _mm512_sub_ps(one, tail), tail));
}

}  // namespace limelight
