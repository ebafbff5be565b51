// What a task or a job threw; and where that is told by what has no log of its own.
#pragma once

#include <exception>
#include <string>

namespace mifeng::net {

bool is_cancellation(const std::exception_ptr& thrown);
std::string describe(const std::exception_ptr& thrown);

// To standard error, or to where tell_faults_to() says. From any thread.
void tell_fault(const std::string& line);
// A Runtime makes it the program's log. Programs without one (the guard) do not link that library.
void tell_faults_to(void (*sink)(const std::string& line));

}  // namespace mifeng::net
