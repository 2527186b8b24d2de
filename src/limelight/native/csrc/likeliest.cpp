// The likeliest word of each row of scores, and what the softmax of the row divides by: one look for the largest, one for the sum.
#include "pool.h"
#include "simd.h"

namespace limelight {
namespace {

constexpr int kApart = 4;          // sums beside each other, so that none waits for the one before

struct Scores {
  const float* x;                  // (rows, words)
  int64_t* at;                     // (rows): the first of the largest
  float *most, *rest;              // (rows): the largest, and log(sum(exp(x - largest)))
  int64_t rows, words, stride;
  int32_t threads;
};

template <class Each> void over(int64_t words, Each&& each) {
  int64_t i = 0;
  for (; i + 16 * kApart <= words; i += 16 * kApart)
#pragma GCC unroll 4
    for (int part = 0; part < kApart; ++part) each(i + 16 * part, static_cast<__mmask16>(0xFFFF), part);
  for (; i < words; i += 16) each(i, lanes(words - i), 0);
}

int64_t first(const float* x, int64_t words, float wanted) {
  const __m512 value = _mm512_set1_ps(wanted);
  for (int64_t i = 0; i < words; i += 16) {
    const __mmask16 there = lanes(words - i);
    if (const __mmask16 found = _mm512_mask_cmp_ps_mask(there, _mm512_maskz_loadu_ps(there, x + i), value, _CMP_EQ_OQ))
      return i + __builtin_ctz(found);
  }
  return 0;                        // where nothing is a number
}

void row(const Scores& a, int64_t number) {
  const float* x = a.x + number * a.stride;
  __m512 most[kApart], sum[kApart];
  for (int part = 0; part < kApart; ++part) most[part] = _mm512_set1_ps(-__builtin_inff()), sum[part] = _mm512_setzero_ps();
  over(a.words, [&](int64_t i, __mmask16 there, int part) { most[part] = _mm512_mask_max_ps(most[part], there, _mm512_maskz_loadu_ps(there, x + i), most[part]); });
  const float best = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_max_ps(most[0], most[1]), _mm512_max_ps(most[2], most[3])));
  const __m512 top = _mm512_set1_ps(best);
  over(a.words, [&](int64_t i, __mmask16 there, int part) {
    sum[part] = _mm512_mask_add_ps(sum[part], there, sum[part], exp16(_mm512_sub_ps(_mm512_maskz_loadu_ps(there, x + i), top)));
  });
  const float total = _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3])));
  a.at[number] = first(x, a.words, best);
  a.most[number] = best, a.rest[number] = __builtin_logf(total);
}

}  // namespace

LIMELIGHT_API void limelight_likeliest(const Scores* a) {
  Pool& pool = Pool::shared();
  pool.run(static_cast<int>(a->threads), [&](int index) {
    const Range mine = pool.mine(a->rows, index);
    for (int64_t number = mine.first; number < mine.last; ++number) row(*a, number);
  });
}

}  // namespace limelight
