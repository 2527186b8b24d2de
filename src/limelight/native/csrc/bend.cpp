// The tanh form of GELU (Hendrycks & Gimpel 2016) and its slope in bfloat16, and sums of bfloat16 in float32: what a training step does to
// each number besides products.
#include "bfloat.h"
#include "pool.h"

namespace limelight {
namespace {

constexpr int64_t kPiece = 4096;   // numbers that one thread takes at least

__m512 load(const uint16_t* x, __mmask16 there) { return widened(_mm256_maskz_loadu_epi16(there, x)); }
void store(uint16_t* to, __mmask16 there, __m512 x) { _mm256_mask_storeu_epi16(to, there, narrowed(x)); }

// each(place, lanes) for all of `count`, shared among threads.
template <class Each> void spread(int64_t count, int threads, Each&& each) {
  Pool& pool = Pool::shared();
  pool.run(threads, [&](int index) {
    const Range mine = pool.mine(count, index, kPiece);
    int64_t i = mine.first;
    for (; i + 16 <= mine.last; i += 16) each(i, static_cast<__mmask16>(0xFFFF));
    if (i < mine.last) each(i, lanes(mine.last - i));
  });
}

// With s = 1 / (1 + exp(-2 u)), u = sqrt(2 / pi) (x + 0.044715 x^3): (x s)' = s + x s (1 - s) 2 u'.
__m512 gelu_slope(__m512 x) {
  constexpr float kTwice = 2 * 0.7978845608f;
  x = _mm512_max_ps(_mm512_set1_ps(-16.f), _mm512_min_ps(_mm512_set1_ps(16.f), x));      // beyond it is 0 or 1; NaN stays
  const __m512 square = _mm512_mul_ps(x, x), one = _mm512_set1_ps(1.f);
  const __m512 inner = _mm512_fmadd_ps(square, _mm512_set1_ps(-kTwice * 0.044715f), _mm512_set1_ps(-kTwice));
  const __m512 share = sigmoid_of_minus(_mm512_mul_ps(x, inner));
  const __m512 climb = _mm512_fmadd_ps(square, _mm512_set1_ps(3 * kTwice * 0.044715f), _mm512_set1_ps(kTwice));
  const __m512 bent = _mm512_mul_ps(_mm512_mul_ps(x, share), _mm512_sub_ps(one, share));
  return _mm512_fmadd_ps(bent, climb, share);
}

}  // namespace

LIMELIGHT_API void limelight_gelu_tanh(const uint16_t* x, uint16_t* y, int64_t count, int threads) {
  spread(count, threads, [=](int64_t i, __mmask16 there) { store(y + i, there, gelu_tanh16(load(x + i, there))); });
}

// to = pull * gelu'(x)
LIMELIGHT_API void limelight_gelu_tanh_slope(const uint16_t* x, const uint16_t* pull, uint16_t* to, int64_t count, int threads) {
  spread(count, threads, [=](int64_t i, __mmask16 there) { store(to + i, there, _mm512_mul_ps(load(pull + i, there), gelu_slope(load(x + i, there)))); });
}

// sums += x, or = where fresh
LIMELIGHT_API void limelight_add(const uint16_t* x, float* sums, int64_t count, int fresh, int threads) {
  spread(count, threads, [=](int64_t i, __mmask16 there) {
    const __m512 value = load(x + i, there);
    _mm512_mask_storeu_ps(sums + i, there, fresh ? value : _mm512_add_ps(_mm512_maskz_loadu_ps(there, sums + i), value));
  });
}

}  // namespace limelight
