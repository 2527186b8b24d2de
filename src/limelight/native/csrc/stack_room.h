// What stands between the parts of a column, in memory that lives from call to call.
#pragma once
#include <algorithm>

#include "attention.h"
#include "scratch.h"
#include "stack.h"

namespace limelight {

constexpr int64_t kTogether = 512;                         // rows whose way through a layer's matrices stands in the caches at once

// As large as the largest layer wants each piece.
struct Room {
  float *asked;                                            // queries of all rows; attention puts what it gives in their place
  float *normed, *made, *inner, *gate;                     // of rows together: what goes in, queries with keys and values, a feed-forward layer's inside
  char* words;                                             // rows as matrices convert them
  Asked* items;
  Keys* keys;
  size_t bytes;

  Room(const Column& column, const Call& call, Scratch& scratch) {
    Pieces none{nullptr};
    lay_out(column, call, none);
    bytes = none.used;
    Pieces pieces{scratch.room(bytes)};
    lay_out(column, call, pieces);
  }

 private:
  void lay_out(const Column& column, const Call& call, Pieces& pieces) {
    int64_t wide = 0, heads = 0, hidden = 0, gated = 0, groups = 1;
    const int64_t together = std::min(call.tokens, kTogether);
    size_t longest = 0;
    for (int64_t layer = 0; layer < column.depth; ++layer) {
      const Block& b = column.blocks[layer];
      for (const Heads* h : {&b.self, &b.cross}) {
        if (!h->in) continue;
        wide = std::max(wide, h->in->outputs), heads = std::max(heads, h->heads * h->width), groups = std::max(groups, h->groups);
        longest = std::max({longest, scratch_bytes(*h->in, together), scratch_bytes(*h->out, together)});
      }
      hidden = std::max(hidden, b.up->outputs), gated = std::max(gated, b.gate ? b.up->outputs : 0);
      longest = std::max({longest, scratch_bytes(*b.up, together), scratch_bytes(*b.down, together)});
    }
    asked = pieces.take<float>(call.tokens * heads);
    normed = pieces.take<float>(together * column.dim);
    made = pieces.take<float>(together * wide);
    inner = pieces.take<float>(together * hidden);
    gate = pieces.take<float>(together * gated);
    words = pieces.take<char>(longest);
    items = pieces.take<Asked>(call.sequences * groups);
    keys = pieces.take<Keys>(call.sequences * groups);
  }
};

}  // namespace limelight
