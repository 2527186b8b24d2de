// The softmax of long rows of logits and the slopes of its cross-entropy: the fast twin of ops.cross_entropy.softmax_rows.
#include "bfloat.h"
#include "pool.h"

namespace limelight {
namespace {

constexpr int kApart = 4;          // sums beside each other, so that none waits for the one before
constexpr int64_t kTogether = 16 * kApart;

struct Rows {
  const void* logits;
  void* slopes;                    // where probability - spread goes, perhaps over the logits; or null
  float *whole, *mean;             // (rows): log(sum(exp(x))), and the mean of x, or null
  float* room;                     // (threads, words)
  int64_t rows, words, stride, slopes_stride;
  float spread;
  int32_t half, threads;           // half: bfloat16
};

__m512 load(const float* x, __mmask16 there) { return _mm512_maskz_loadu_ps(there, x); }
__m512 load(const uint16_t* x, __mmask16 there) { return widened(_mm256_maskz_loadu_epi16(there, x)); }
void store(float* to, __mmask16 there, __m512 x) { _mm512_mask_storeu_ps(to, there, x); }
void store(uint16_t* to, __mmask16 there, __m512 x) { _mm256_mask_storeu_epi16(to, there, narrowed(x)); }

// each(place, lanes, which sum): over all of a row; the order depends on its length alone.
template <class Each> void over(int64_t words, Each&& each) {
  int64_t i = 0;
  for (; i + kTogether <= words; i += kTogether)
#pragma GCC unroll 4
    for (int part = 0; part < kApart; ++part) each(i + 16 * part, static_cast<__mmask16>(0xFFFF), part);
  for (; i < words; i += 16) each(i, lanes(words - i), 0);
}

struct Sums {
  __m512 parts[kApart] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
  float all() const { return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(parts[0], parts[1]), _mm512_add_ps(parts[2], parts[3]))); }
};

template <class Number> float largest(const Number* x, int64_t words) {
  __m512 most[kApart];
  for (__m512& each : most) each = _mm512_set1_ps(-__builtin_inff());
  over(words, [&](int64_t i, __mmask16 there, int part) { most[part] = _mm512_mask_max_ps(most[part], there, most[part], load(x + i, there)); });
  return _mm512_reduce_max_ps(_mm512_max_ps(_mm512_max_ps(most[0], most[1]), _mm512_max_ps(most[2], most[3])));
}

template <class Number> void row(const Rows& a, int64_t at, float* room) {
  const Number* x = static_cast<const Number*>(a.logits) + at * a.stride;
  const float most = largest(x, a.words);
  const __m512 top = _mm512_set1_ps(most);
  Sums sum, plain;
  over(a.words, [&](int64_t i, __mmask16 there, int part) {
    const __m512 value = load(x + i, there), power = _mm512_maskz_mov_ps(there, exp16(_mm512_sub_ps(value, top)));
    sum.parts[part] = _mm512_add_ps(sum.parts[part], power);
    if (a.mean) plain.parts[part] = _mm512_add_ps(plain.parts[part], value);
    if (a.slopes) _mm512_mask_storeu_ps(room + i, there, power);
  });
  const float total = sum.all();
  a.whole[at] = most + __builtin_logf(total);
  if (a.mean) a.mean[at] = plain.all() / static_cast<float>(a.words);
  if (!a.slopes) return;
  Number* to = static_cast<Number*>(a.slopes) + at * a.slopes_stride;
  const __m512 share = _mm512_set1_ps(1.f / total), spread = _mm512_set1_ps(a.spread);
  over(a.words, [&](int64_t i, __mmask16 there, int) { store(to + i, there, _mm512_fmsub_ps(_mm512_maskz_loadu_ps(there, room + i), share, spread)); });
}

}  // namespace

LIMELIGHT_API void limelight_softmax(const Rows* a) {
  Pool& pool = Pool::shared();
  pool.run(a->threads, [&](int index) {
    const Range mine = pool.mine(a->rows, index);
    float* room = a->room + index * a->words;
    for (int64_t at = mine.first; at < mine.last; ++at) a->half ? row<uint16_t>(*a, at, room) : row<float>(*a, at, room);
  });
}

}  // namespace limelight
