// MIFENG_ENTRY_NAMESPACE and MIFENG_ENTRY_FUNCTION come from the build.
#include "serve.h"

namespace MIFENG_ENTRY_NAMESPACE {
mifeng::Json MIFENG_ENTRY_FUNCTION(const mifeng::Json& request);
__attribute__((weak)) void load();
__attribute__((weak)) mifeng::Json metadata();
}  // namespace MIFENG_ENTRY_NAMESPACE

int main() {
  namespace model = MIFENG_ENTRY_NAMESPACE;
  return mifeng::server::serve({model::MIFENG_ENTRY_FUNCTION, model::load, model::metadata});
}
