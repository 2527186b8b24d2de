// What attention is asked by a layer: an item for each sequence and group of heads.
#pragma once
#include <vector>

#include "stack_room.h"

namespace limelight {

class Items {
 public:
  Items(const Column& column, const Call& call, const Room& room) : c_(column), a_(call), room_(room) {
    for (int64_t s = 0; s < a_.sequences; ++s)
      if (a_.far.rows && (s == 0 || a_.far.rows[s] != a_.far.rows[s - 1])) starts_.push_back(s);
    starts_.push_back(a_.sequences);
  }

  int64_t near_count(const Heads& h) const { return a_.sequences * h.groups; }
  int64_t far_count(const Heads& h) const { return runs() * h.groups; }

  void near(const Heads& h, int64_t layer) const {
    const Store& store = a_.store;
    const Masks& masks = a_.masks;
    for (int64_t s = 0; s < a_.sequences; ++s)
      for (int64_t group = 0; group < h.groups; ++group) {
        const int64_t count = a_.first[s + 1] - a_.first[s];
        Asked asked = of(h, group, a_.first[s], count);
        asked.past = a_.past[s], asked.slots = a_.past[s] + count, asked.causal = c_.causal, asked.window = h.window;
        asked.keep = masks.keep ? masks.keep + s * masks.keep_stride : nullptr;
        if (masks.bias) asked.bias = masks.bias + group * (h.heads / h.groups) * masks.bias_head + (a_.past[s] - masks.bias_from) * masks.bias_query;
        asked.bias_q_stride = masks.bias_query, asked.bias_head_stride = masks.bias_head;
        const int64_t from = layer * store.layer + group * store.group;
        const void* base = store.half ? static_cast<const void*>(static_cast<uint16_t*>(store.base) + from) : static_cast<float*>(store.base) + from;
        room_.items[s * h.groups + group] = asked;
        room_.keys[s * h.groups + group] = {base, store.half != 0, store.pages + s * store.pages_each, store.page, store.values, h.width};
      }
  }

  void far(const Heads& h, int64_t layer) const {
    static const int64_t kHere = 0;
    const Far& far = a_.far;
    const Step& step = far.steps[layer];
    const int64_t size = far.half ? 2 : 4;
    const char *k = static_cast<const char*>(far.at[2 * layer]), *v = static_cast<const char*>(far.at[2 * layer + 1]);
    for (int64_t run = 0; run < runs(); ++run)              // rows that share a memory are just more queries
      for (int64_t group = 0; group < h.groups; ++group) {
        const int64_t row = far.rows[starts_[run]], first = a_.first[starts_[run]];
        Asked asked = of(h, group, first, a_.first[starts_[run + 1]] - first);
        asked.past = 0, asked.slots = far.slots, asked.causal = false, asked.window = 0;
        asked.keep = far.keep ? far.keep + row * far.slots : nullptr;
        room_.items[run * h.groups + group] = asked;
        room_.keys[run * h.groups + group] = {k + (row * step.row + group * step.group) * size, far.half != 0, &kHere, far.slots, (v - k) / size, step.slot};
      }
  }

 private:
  int64_t runs() const { return static_cast<int64_t>(starts_.size()) - 1; }

  Asked of(const Heads& h, int64_t group, int64_t first, int64_t count) const {
    const int64_t each = h.heads / h.groups, wide = h.heads * h.width;
    Asked asked{};
    float* place = room_.asked + first * wide + group * each * h.width;      // a query is taken before what it is given takes its place
    asked.q = place, asked.q_stride = wide, asked.q_head_stride = h.width;
    asked.out = place, asked.out_stride = wide, asked.out_head_stride = h.width;
    asked.queries = count, asked.scale = h.scale, asked.width = h.width, asked.heads = each;
    return asked;
  }

  const Column& c_;
  const Call& a_;
  const Room& room_;
  std::vector<int64_t> starts_;                            // sequences that look at another memory than the one before
};

}  // namespace limelight
