// Memory to work in.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <new>

namespace limelight {

// Memory that one thread works in; it grows when asked for more, and is kept from call to call.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::free(held_); }

  // At least `bytes`, at a multiple of 64; what stood there before is lost.
  char* room(size_t bytes) {
    if (bytes > size_) {
      std::free(held_);
      size_ = (bytes + bytes / 4 + 4095) & ~size_t{4095};
      held_ = static_cast<char*>(std::aligned_alloc(4096, size_));
      if (!held_) { size_ = 0; throw std::bad_alloc(); }
    }
    return held_;
  }

 private:
  char* held_ = nullptr;
  size_t size_ = 0;
};

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

}  // namespace limelight
