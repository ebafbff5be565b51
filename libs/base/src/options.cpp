#include "mifeng/base/options.h"

#include <algorithm>

namespace mifeng {
namespace {

Error bad_usage(const std::string& what) { return Error(ErrorCode::kInvalidArgument, "bad-usage", what); }

}  // namespace

std::optional<ListenAddress> parse_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1), 0, 65535);
  std::string_view address = text.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  if (!port || address.empty()) return std::nullopt;
  return ListenAddress{std::string(address), *port};
}

Option text_option(std::string name, std::string& into) {
  const auto take = [&into](const std::string& value) {
    into = value;
    return !value.empty();
  };
  return {std::move(name), Option::Kind::kValue, take, {}};
}

Option flag_option(std::string name, bool& into) {
  const auto take = [&into](const std::string&) { return into = true; };
  return {std::move(name), Option::Kind::kFlag, take, {}};
}

Option question_option(std::string name) { return {std::move(name), Option::Kind::kQuestion, {}, {}}; }

Result<GivenOptions> read_options(const std::vector<std::string>& arguments, const std::vector<Option>& known) {
  GivenOptions given;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (name == "--") {
      given.behind.emplace(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
      break;
    }
    const auto option = std::find_if(known.begin(), known.end(), [&](const Option& one) { return one.name == name; });
    if (option == known.end()) return bad_usage("unknown option " + name);
    if (option->kind == Option::Kind::kQuestion) {
      given.question = name;
      break;
    }
    if (option->kind == Option::Kind::kFlag) {
      option->take({});
      continue;
    }
    if (i + 1 == arguments.size()) return bad_usage(name + " needs a value");
    const std::string& value = arguments[++i];
    if (!option->take(value))
      return bad_usage(name + " " + (option->wants.empty() ? "cannot be \"" + value + "\"" : option->wants));
  }
  return given;
}

}  // namespace mifeng
