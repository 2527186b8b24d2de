// A column of layers in one call: every block of a Transformer and the norm after them, over any mix of sequences.
//
// The tokens of all sequences lie behind one another, without padding, as rows of x. Each thread runs the whole column and takes its share of every
// part; parts that read what another thread wrote stand behind a barrier.
#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "attention.h"
#include "matrix.h"
#include "norm.h"
#include "pool.h"

namespace limelight {
namespace {

enum class NormKind : int32_t { none, layer, rms };

struct Norm {
  const float* weight;
  const float* bias;
  float eps;
  NormKind kind;

  void operator()(const float* x, int64_t width, float* y) const {
    switch (kind) {
      case NormKind::layer: return layer_norm(x, width, weight, bias, eps, y);
      case NormKind::rms: return rms_norm(x, width, weight, eps, y);
      case NormKind::none: if (x != y) std::memcpy(y, x, width * sizeof(float));
    }
  }
};

struct Heads {
  const Matrix* in;                // queries, keys and values side by side; queries alone where keys are a memory's; null where there is none
  const Matrix* out;
  Norm query, key;                 // of each head, before it is turned
  int64_t heads, groups, width, window;
  float scale;
};

struct Block {
  Heads self, cross;
  Norm self_norm, cross_norm, ff_norm;
  const Matrix *up, *gate, *down;  // gate: null where there is none
  Act act;
};

struct Column {
  const Block* blocks;
  int64_t depth, dim;
  int32_t causal, pre;
  Norm last;
};

// Keys: of slot t, layer i, group g at base + pages[t / page] + i * layer + g * group + t % page * width; values `values` further. In elements.
struct Store {
  void* base;
  const int64_t* pages;            // (sequences, pages_each)
  int64_t pages_each, page, layer, values, group, half;              // half: bfloat16
};

struct Turns {                     // of rotary positions, by token
  const float *cos, *sin;
  int64_t pairs;
};

struct Masks {
  const uint8_t* keep;             // (sequences, slots), or null
  int64_t keep_stride;
  const float* bias;               // (heads, queries, slots), or null; the first query stands in slot bias_from
  int64_t bias_head, bias_query, bias_from;
};

struct Step { int64_t row, group, slot; };

struct Far {                       // the memory's keys and values: of row r, group g, slot t at r * row + g * group + t * slot
  const void* const* at;           // (2 depth): keys and values of each layer
  const Step* steps;               // of each layer
  const int64_t* rows;             // which row each sequence looks at; null where there is no memory
  const uint8_t* keep;             // (rows, slots), or null
  int64_t slots, half;
};

struct Call {
  float* x;                        // (tokens, dim): vectors that go in, and what was made of them
  int64_t tokens, sequences;
  const int64_t* first;            // (sequences + 1): rows
  const int64_t* past;             // (sequences): the slot of each one's first row
  Store store;
  Turns turns;
  Masks masks;
  Far far;
  float *const *self_asked, *const *cross_asked;           // of each layer: where its queries (tokens, heads * width) are noted, or null
  int64_t threads;
};

constexpr int64_t kTogether = 512;                         // rows of a feed-forward layer whose insides stand in the caches at once

uint16_t rounded(float value) {                            // to bfloat16, ties to even; NaN stays
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>((bits >> 16) | 64);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float widened(uint16_t half) {
  const uint32_t bits = static_cast<uint32_t>(half) << 16;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

void turn(float* x, int64_t width, const float* cos, const float* sin, bool pairs) {
  const int64_t half = width / 2, step = pairs ? 1 : half, stride = pairs ? 2 : 1;
  for (int64_t i = 0; i < half; ++i) {
    float &a = x[i * stride], &b = x[i * stride + step];
    const float was = a;
    a = was * cos[i] - b * sin[i];
    b = b * cos[i] + was * sin[i];
  }
}

// Pieces of one stretch of memory, in turn; of none, only how long it would have to be.
struct Pieces {
  char* at;
  size_t used = 0;

  template <class Item> Item* take(int64_t count) {
    Item* piece = reinterpret_cast<Item*>(at + used);
    used += (count * sizeof(Item) + 127) & ~size_t{63};
    return piece;
  }
};

class Run {
 public:
  Run(const Column& column, const Call& call, Scratch& room, std::vector<Scratch>& scratches, Pool& pool)
      : c_(column), a_(call), scratches_(scratches), pool_(pool) {
    Pieces none{nullptr};
    lay_out(none);
    bytes_ = none.used;
    Pieces pieces{room.room(bytes_)};
    lay_out(pieces);
    for (int64_t s = 0; s < a_.sequences; ++s)
      if (a_.far.rows && (s == 0 || a_.far.rows[s] != a_.far.rows[s - 1])) far_starts_.push_back(s);
    far_starts_.push_back(a_.sequences);
  }

  void operator()(int index) {
    for (int64_t layer = 0; layer < c_.depth; ++layer) {
      const Block& block = c_.blocks[layer];
      add(block.self_norm, index, [&] { near(block.self, layer, index); });
      if (block.cross.in) add(block.cross_norm, index, [&] { far(block.cross, layer, index); });
      feed(block, index);
    }
    each_row(index, [&](int64_t row) { c_.last(at(row), c_.dim, at(row)); });
  }

  size_t bytes() const { return bytes_; }

 private:
  void lay_out(Pieces& pieces) {
    int64_t wide = 0, heads = 0, hidden = 0, gated = 0;
    size_t words = 0;
    for (int64_t layer = 0; layer < c_.depth; ++layer) {
      const Block& b = c_.blocks[layer];
      for (const Heads* h : {&b.self, &b.cross}) {
        if (!h->in) continue;
        wide = std::max(wide, h->in->outputs), heads = std::max(heads, h->heads * h->width);
        words = std::max({words, scratch_bytes(*h->in, a_.tokens), scratch_bytes(*h->out, a_.tokens)});
      }
      hidden = std::max(hidden, b.up->outputs), gated = std::max(gated, b.gate ? b.up->outputs : 0);
      words = std::max({words, scratch_bytes(*b.up, a_.tokens), scratch_bytes(*b.down, together())});
    }
    normed_ = pieces.take<float>(a_.tokens * c_.dim);
    asked_ = pieces.take<float>(a_.tokens * wide);
    given_ = pieces.take<float>(a_.tokens * heads);
    inner_ = pieces.take<float>(together() * hidden);
    gate_ = pieces.take<float>(together() * gated);
    words_ = pieces.take<char>(words);
    items_ = pieces.take<Asked>(a_.sequences * most_groups());
    keys_ = pieces.take<Keys>(a_.sequences * most_groups());
  }

  int64_t together() const { return std::min(a_.tokens, kTogether); }
  float* at(int64_t row) const { return a_.x + row * c_.dim; }

  int64_t most_groups() const {
    int64_t most = 1;
    for (int64_t layer = 0; layer < c_.depth; ++layer) most = std::max({most, c_.blocks[layer].self.groups, c_.blocks[layer].cross.groups});
    return most;
  }

  template <class Work> void each_row(int index, Work&& work) {
    const Range mine = pool_.mine(a_.tokens, index);
    for (int64_t row = mine.first; row < mine.last; ++row) work(row);
  }

  // A branch and its norm: before it, or after what it gave was added. Branches read `source_` and add to x.
  template <class Branch> void add(const Norm& norm, int index, Branch&& branch) {
    if (c_.pre) each_row(index, [&](int64_t row) { norm(at(row), c_.dim, normed_ + row * c_.dim); });
    branch();
    if (!c_.pre) each_row(index, [&](int64_t row) { norm(at(row), c_.dim, at(row)); });
  }

  Given source(int64_t row = 0) const { return {(c_.pre ? normed_ : a_.x) + row * c_.dim, c_.dim}; }

  // x += out(attention of in(source)); every thread normed the rows that it converts.
  void near(const Heads& h, int64_t layer, int index) {
    const int64_t stride = h.in->outputs;
    ask(h, stride, index);
    each_row(index, [&](int64_t row) { settle(h, layer, row, asked_ + row * stride); });
    if (index == 0) near_items(h, layer, stride);
    pool_.barrier();
    attend_part(items_, keys_, a_.sequences * h.groups, index, pool_.count(), scratches_[index]);
    tell(h, index);
  }

  void far(const Heads& h, int64_t layer, int index) {
    const int64_t stride = h.in->outputs;
    ask(h, stride, index);
    each_row(index, [&](int64_t row) {
      query(h, row, asked_ + row * stride, false);
      note(a_.cross_asked, layer, row, asked_ + row * stride, stride, a_.far.half);
    });
    const int64_t runs = static_cast<int64_t>(far_starts_.size()) - 1;
    if (index == 0) far_items(h, layer, stride);
    pool_.barrier();
    attend_part(items_, keys_, runs * h.groups, index, pool_.count(), scratches_[index]);
    tell(h, index);
  }

  void ask(const Heads& h, int64_t stride, int index) {
    convert(*h.in, source(), a_.tokens, words_, index, pool_);
    pool_.barrier();
    multiply(*h.in, a_.tokens, words_, {asked_, stride}, {}, pool_);
    pool_.barrier();
  }

  void tell(const Heads& h, int index) {
    const int64_t wide = h.heads * h.width;
    pool_.barrier();
    Epilogue onto;
    onto.residual = a_.x, onto.residual_stride = c_.dim;
    product(*h.out, {given_, wide}, a_.tokens, words_, {a_.x, c_.dim}, onto, index, pool_);
  }

  void query(const Heads& h, int64_t row, float* q, bool turned) {
    const int64_t half = h.width / 2;
    for (int64_t head = 0; head < h.heads; ++head, q += h.width) {
      h.query(q, h.width, q);
      if (turned && a_.turns.cos) turn(q, h.width, a_.turns.cos + row * half, a_.turns.sin + row * half, a_.turns.pairs);
    }
  }

  // One row of queries, keys and values: normed, turned, keys and values put where they are kept.
  void settle(const Heads& h, int64_t layer, int64_t row, float* all) {
    query(h, row, all, true);
    const int64_t wide = h.heads * h.width, half = h.width / 2;
    note(a_.self_asked, layer, row, all, wide, a_.store.half);
    const int64_t s = std::upper_bound(a_.first, a_.first + a_.sequences, row) - a_.first - 1, slot = a_.past[s] + row - a_.first[s];
    const Store& store = a_.store;
    int64_t to = store.pages[s * store.pages_each + slot / store.page] + layer * store.layer + slot % store.page * h.width;
    float *k = all + wide, *v = k + h.groups * h.width;
    for (int64_t group = 0; group < h.groups; ++group, k += h.width, v += h.width, to += store.group) {
      h.key(k, h.width, k);
      if (a_.turns.cos) turn(k, h.width, a_.turns.cos + row * half, a_.turns.sin + row * half, a_.turns.pairs);
      put(k, h.width, to);
      put(v, h.width, to + store.values);
    }
  }

  void note(float* const* places, int64_t layer, int64_t row, const float* asked, int64_t wide, bool half) {
    if (!places || !places[layer]) return;
    float* to = places[layer] + row * wide;
    for (int64_t i = 0; i < wide; ++i) to[i] = half ? widened(rounded(asked[i])) : asked[i];     // as they meet keys of that kind
  }

  void put(const float* from, int64_t width, int64_t to) {
    if (!a_.store.half) {
      std::memcpy(static_cast<float*>(a_.store.base) + to, from, width * sizeof(float));
      return;
    }
    uint16_t* half = static_cast<uint16_t*>(a_.store.base) + to;
    for (int64_t i = 0; i < width; ++i) half[i] = rounded(from[i]);
  }

  void near_items(const Heads& h, int64_t layer, int64_t stride) {
    const Store& store = a_.store;
    const Masks& masks = a_.masks;
    for (int64_t s = 0; s < a_.sequences; ++s)
      for (int64_t group = 0; group < h.groups; ++group) {
        const int64_t count = a_.first[s + 1] - a_.first[s];
        Asked asked = of(h, group, stride, a_.first[s], count);
        asked.past = a_.past[s], asked.slots = a_.past[s] + count, asked.causal = c_.causal, asked.window = h.window;
        asked.keep = masks.keep ? masks.keep + s * masks.keep_stride : nullptr;
        if (masks.bias) asked.bias = masks.bias + group * (h.heads / h.groups) * masks.bias_head + (a_.past[s] - masks.bias_from) * masks.bias_query;
        asked.bias_q_stride = masks.bias_query, asked.bias_head_stride = masks.bias_head;
        const int64_t from = layer * store.layer + group * store.group;
        const void* base = store.half ? static_cast<const void*>(static_cast<uint16_t*>(store.base) + from) : static_cast<float*>(store.base) + from;
        items_[s * h.groups + group] = asked;
        keys_[s * h.groups + group] = {base, store.half != 0, store.pages + s * store.pages_each, store.page, store.values, h.width};
      }
  }

  void far_items(const Heads& h, int64_t layer, int64_t stride) {
    static const int64_t kHere = 0;
    const Far& far = a_.far;
    const Step& step = far.steps[layer];
    const int64_t size = far.half ? 2 : 4;
    const char *k = static_cast<const char*>(far.at[2 * layer]), *v = static_cast<const char*>(far.at[2 * layer + 1]);
    for (size_t run = 0; run + 1 < far_starts_.size(); ++run)                // rows that share a memory are just more queries
      for (int64_t group = 0; group < h.groups; ++group) {
        const int64_t row = far.rows[far_starts_[run]], first = a_.first[far_starts_[run]];
        Asked asked = of(h, group, stride, first, a_.first[far_starts_[run + 1]] - first);
        asked.past = 0, asked.slots = far.slots, asked.causal = false, asked.window = 0;
        asked.keep = far.keep ? far.keep + row * far.slots : nullptr;
        items_[run * h.groups + group] = asked;
        keys_[run * h.groups + group] = {k + (row * step.row + group * step.group) * size, far.half != 0, &kHere, far.slots, (v - k) / size, step.slot};
      }
  }

  Asked of(const Heads& h, int64_t group, int64_t stride, int64_t first, int64_t count) const {
    const int64_t each = h.heads / h.groups, wide = h.heads * h.width;
    Asked asked{};
    asked.q = asked_ + first * stride + group * each * h.width, asked.q_stride = stride, asked.q_head_stride = h.width;
    asked.out = given_ + first * wide + group * each * h.width, asked.out_stride = wide, asked.out_head_stride = h.width;
    asked.queries = count, asked.scale = h.scale, asked.width = h.width, asked.heads = each;
    return asked;
  }

  // x += down(act(up x)), or down(act(gate x) * up x): some rows after others, so that what is between stays in the caches.
  void feed(const Block& b, int index) {
    add(b.ff_norm, index, [&] {
      pool_.barrier();
      for (int64_t row = 0; row < a_.tokens; row += kTogether) {
        const int64_t rows = std::min(kTogether, a_.tokens - row), wide = b.up->outputs;
        Epilogue bent, gated, onto;
        convert(*b.up, source(row), rows, words_, index, pool_);
        pool_.barrier();
        (b.gate ? gated : bent).act = b.act;
        multiply(*b.up, rows, words_, {b.gate ? gate_ : inner_, wide}, bent, pool_);
        if (b.gate) {
          pool_.barrier();
          gated.gate = gate_, gated.gate_stride = wide;
          multiply(*b.gate, rows, words_, {inner_, wide}, gated, pool_);
        }
        onto.residual = at(row), onto.residual_stride = c_.dim;
        pool_.barrier();
        product(*b.down, {inner_, wide}, rows, words_, {at(row), c_.dim}, onto, index, pool_);
      }
    });
  }

  size_t bytes_ = 0;
  const Column& c_;
  const Call& a_;
  std::vector<Scratch>& scratches_;
  Pool& pool_;
  float *normed_, *asked_, *given_, *inner_, *gate_;
  char* words_;
  Asked* items_;
  Keys* keys_;
  std::vector<int64_t> far_starts_;                        // sequences that look at another memory than the one before
};

constexpr size_t kKept = size_t{64} << 20;                 // bytes of room that stay between calls

}  // namespace
}  // namespace limelight

// Run a column; 0, or 1 where there is no memory for it.
LIMELIGHT_API int limelight_stack(const limelight::Column* column, const limelight::Call* call) {
  using namespace limelight;
  static std::mutex one;
  static std::unique_ptr<Scratch> room;
  static std::vector<Scratch> scratches;
  try {
    std::lock_guard<std::mutex> alone(one);
    if (!room) room = std::make_unique<Scratch>();
    if (scratches.size() < static_cast<size_t>(call->threads)) std::vector<Scratch>(call->threads).swap(scratches);
    Pool& pool = Pool::shared();
    Run run(*column, *call, *room, scratches, pool);
    pool.run(call->threads, [&](int index) { run(index); });
    if (run.bytes() > kKept) room.reset();
  } catch (const std::bad_alloc&) {
    return 1;
  }
  return 0;
}
