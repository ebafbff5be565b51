// -o table|wide|json|yaml|name
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/console.h"
#include "mifeng/json/value.h"

namespace mifeng::cli {

// Adds -o, --output.
void add_output_flag(Command& command, std::string& target);

enum class Shown { kAlways, kWide };

// A column of a table: its title (in English; chinese_tables.cpp has it in Chinese) and the member that it shows.
// "age:created_ms" shows how long ago that was; JSON and YAML then hold `created` beside it, the same moment in RFC
// 3339. A column that is kWide is shown with -o wide.
struct Column {
  std::string title;
  std::string member;
  Shown shown = Shown::kAlways;
};
// One cell of a table.
std::string cell_of(const json::Value& object, const Column& column);
// `value` is one object or a list of them; `name_member` is what -o name prints.
Result<void> print_objects(Console& console, const json::Value& value, const std::string& format,
                           const std::vector<Column>& columns, const std::string& name_member = "id");

// Block style; strings are quoted wherever another reading were possible.
std::string to_yaml(const json::Value& value);

}  // namespace mifeng::cli
