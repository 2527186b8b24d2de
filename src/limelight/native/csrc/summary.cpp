// Summaries of a strip of attention weights that stands in memory.
#include "summary_rows.h"

LIMELIGHT_API void limelight_summary(const limelight::Strip* strip) {
  using namespace limelight;
  Pool& pool = Pool::shared();
  pool.run(static_cast<int>(strip->threads), [&](int index) {
    const Range rows = pool.mine(strip->rows, index);
    for (int64_t i = rows.first; i < rows.last; ++i) row(*strip, i);
    columns(*strip, pool.mine(strip->keys, index, 64));
  });
}
