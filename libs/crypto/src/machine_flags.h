// What instructions the machine has by the kernel's list. Under valgrind CPUID is that of its own processor, which
// would hide that a tier was left out.
#pragma once

#include <fstream>
#include <string>

namespace mifeng::crypto {

inline bool machine_has_flag(const char* flag) {
  std::ifstream file("/proc/cpuinfo");
  std::string flags;
  for (std::string line; flags.empty() && std::getline(file, line);)
    if (line.starts_with("flags")) flags = line + " ";
  return flags.find(std::string(" ") + flag + " ") != std::string::npos;
}

}  // namespace mifeng::crypto
