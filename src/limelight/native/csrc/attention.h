// Attention of queries to the keys of one sequence and one group of heads, with a running softmax (Dao et al. 2022; Milakov & Gimelshein 2018).
#pragma once
#include <cstdint>

#include "scratch.h"

namespace limelight {

// Where keys and values stand, in elements: slot t is at base + pages[t / page] + (t % page) * token_stride, its value kv_offset further.
struct Keys {
  const void* base;
  bool bf16;
  const int64_t* pages;
  int64_t page;
  int64_t kv_offset;
  int64_t token_stride;
};

// Query i stands in slot past + i. It sees slots below `slots`, not after its own when causal, less than `window` away, kept, and -inf nowhere in bias.
// Several heads may share the keys: their q, out and bias lie the head strides apart. One that sees nothing gives zeros.
struct Asked {
  const float* q;
  int64_t q_stride;
  float* out;
  int64_t out_stride;
  int queries;
  int past;
  int slots;
  bool causal;
  int window;                  // 0: none
  float scale;
  const uint8_t* keep;         // by slot, or null
  const float* bias;           // or null
  int64_t bias_q_stride;
  int width;
  int heads = 1;
  int64_t q_head_stride = 0, out_head_stride = 0, bias_head_stride = 0;
  bool half = false;           // q and out are bfloat16 behind their pointers, and strides count those
};

// Whether bfloat16 is multiplied in pairs, or widened first: each where it is faster, unless a caller has said limelight_pairs(1 or 0).
bool in_pairs();

// All queries of one item. The bits of a query's answer do not depend on what else is asked, in what parts, or by how many threads.
void attend(const Asked& asked, const Keys& keys, Scratch& scratch);

// The part of `count` items that thread `index` of `threads` answers: each calls it with an index of its own, and no two answer the same query.
// Parts hold about as many visible pairs of queries and keys, so long queries, short ones and causal ones mix.
void attend_part(const Asked* asked, const Keys* keys, int64_t count, int index, int threads, Scratch& scratch);

}  // namespace limelight
