// An exported audit log, a card and a head, from whoever hands them over.
#include <cstdint>
#include <string>

#include "mifeng/trust/audit_service.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  // Parts are separated by a zero byte: card, head, log.
  const std::size_t first = text.find('\0');
  const std::size_t second = first == std::string::npos ? first : text.find('\0', first + 1);
  if (second != std::string::npos)
    (void)mifeng::trust::verify_audit_export(text.substr(second + 1), text.substr(0, first),
                                             text.substr(first + 1, second - first - 1));
  return 0;
}
