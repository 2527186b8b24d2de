// Attention of a whole batch in one call from Python.
#include <algorithm>
#include <vector>

#include "attention.h"
#include "pool.h"

namespace limelight {
namespace {

// Sizes in items, strides in elements. q, out (b h n d), keys and values (b g n d), keep (b n), bias (b h q k).
struct Batch {
  const void* q;
  void* out;
  const void *k, *v;
  const uint8_t* keep;
  const float* bias;
  int64_t q_strides[3], out_strides[3], k_strides[3], v_strides[3], bias_strides[3], keep_stride;
  int64_t rows, heads, groups, queries, slots, width, past, window;
  const int64_t* pages;                          // (b pages), or null: a page holds all
  int64_t page, page_stride, half, causal;
  float scale;
};

void lay_out(const Batch& b, std::vector<Asked>& asked, std::vector<Keys>& keys, const std::vector<int64_t>& zeros) {
  const int64_t size = b.half ? 2 : 4, share = b.heads / b.groups;
  const auto at = [size](const void* p, int64_t elements) { return static_cast<const char*>(p) + elements * size; };
  for (int64_t r = 0; r < b.rows; ++r) {
    const uint8_t* keep = b.keep ? b.keep + r * b.keep_stride : nullptr;
    int64_t slots = b.slots;                     // less the padding at the end: threads share what is really there
    while (keep && slots > 0 && !keep[slots - 1]) --slots;
    for (int64_t g = 0; g < b.groups; ++g) {
      const int64_t h = g * share;
      Asked a{};
      a.q = reinterpret_cast<const float*>(at(b.q, r * b.q_strides[0] + h * b.q_strides[1]));
      a.out = reinterpret_cast<float*>(const_cast<char*>(at(b.out, r * b.out_strides[0] + h * b.out_strides[1])));
      a.q_head_stride = b.q_strides[1], a.q_stride = b.q_strides[2];
      a.out_head_stride = b.out_strides[1], a.out_stride = b.out_strides[2];
      a.bias = b.bias ? b.bias + r * b.bias_strides[0] + h * b.bias_strides[1] : nullptr;
      a.bias_head_stride = b.bias_strides[1], a.bias_q_stride = b.bias_strides[2];
      a.keep = keep;
      a.queries = static_cast<int>(b.queries), a.past = static_cast<int>(b.past), a.slots = static_cast<int>(slots);
      a.width = static_cast<int>(b.width), a.heads = static_cast<int>(share), a.window = static_cast<int>(b.window);
      a.causal = b.causal != 0, a.half = b.half != 0, a.scale = b.scale;
      asked.push_back(a);
      const char* k = static_cast<const char*>(at(b.k, r * b.k_strides[0] + g * b.k_strides[1]));
      const char* v = static_cast<const char*>(at(b.v, r * b.v_strides[0] + g * b.v_strides[1]));
      keys.push_back({k, b.half != 0, b.pages ? b.pages + r * b.page_stride : zeros.data(), b.pages ? b.page : std::max<int64_t>(b.slots, 1),
                      (v - k) / size, b.k_strides[2]});
    }
  }
}

}  // namespace

LIMELIGHT_API void limelight_attend(const Batch* batch, int threads) {
  std::vector<Asked> asked;
  std::vector<Keys> keys;
  const std::vector<int64_t> zeros(1, 0);
  lay_out(*batch, asked, keys, zeros);
  Pool& pool = Pool::shared();
  pool.run(threads, [&](int index) {
    thread_local Scratch scratch;
    attend_part(asked.data(), keys.data(), static_cast<int64_t>(asked.size()), index, pool.count(), scratch);
  });
}

}  // namespace limelight
