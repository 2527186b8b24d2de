// Products in one call from Python.
#include <sys/mman.h>

#include "matrix.h"
#include "scratch.h"

namespace limelight {

// Pages of 2 MiB for memory that will hold panels: a stream of small ones is read at half the speed. Only a wish: nothing fails without them.
LIMELIGHT_API void limelight_huge_pages(void* at, int64_t bytes) { madvise(at, bytes, MADV_HUGEPAGE); }

namespace {

struct Call { const float* x; float* y; int64_t rows; int threads; };   // both without gaps between rows

}  // namespace

// 0, or 1 where there is no memory for the converted rows.
LIMELIGHT_API int limelight_product(const Matrix* m, const Call* call, const Epilogue* e) try {
  static thread_local Scratch room;
  void* scratch = room.room(scratch_bytes(*m, call->rows));
  Pool& pool = Pool::shared();
  pool.run(call->threads, [&](int index) { product(*m, {call->x, m->inputs}, call->rows, scratch, {call->y, m->outputs}, *e, index, pool); });
  return 0;
} catch (const std::bad_alloc&) {
  return 1;
}

}  // namespace limelight
