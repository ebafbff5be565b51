// The one file that sees CLI11.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <optional>

#include "cli/command.h"
#include "cli/console.h"
#include "cli/defaults.h"
#include "cli/exit_code.h"
#include "cli/language.h"
#include "mifeng/base/spelling.h"

namespace mifeng::cli {

struct CommandLine::State {
  struct Declared {
    const CLI::App* app;
    const CLI::Option* option;
    std::string* target;
    std::string name;
    std::string from;
  };
  CLI::App app;
  std::string version;
  Action chosen;
  const CLI::App* chosen_app = nullptr;
  std::vector<Declared> settings;

  // From the files, what neither a flag nor the environment gave. The platform first: what is trusted depends on it.
  Result<void> settle() {
    std::vector<Declared*> open;
    std::string platform;
    for (Declared& one : settings) {
      if (one.app != chosen_app) continue;
      const char* const variable = std::getenv(one.option->get_envname().c_str());
      if (one.option->count() == 0) {
        one.name == "platform" ? void(open.insert(open.begin(), &one)) : open.push_back(&one);
      } else {
        one.from = variable != nullptr && *one.target == variable ? one.option->get_envname() : "flag";
        if (one.name == "platform") platform = *one.target;
      }
    }
    if (open.empty()) return ok();
    MIFENG_TRY(const auto defaults, Defaults::load(Defaults::places()));
    for (Declared* one : open) {
      const auto found = defaults.find(one->name, platform);
      if (!found) continue;
      *one->target = found->value;
      one->from = found->from;
      if (one->name == "platform") platform = found->value;
    }
    return ok();
  }
};

namespace {

CLI::App& app_of(void* app) { return *static_cast<CLI::App*>(app); }

CLI::Option* finished(CLI::Option* option, Need need) {
  option->group(tr("Options"));
  if (need == Need::kRequired) option->required();
  return option;
}

bool is_shown(const CLI::App* sub) { return !sub->get_group().empty(); }

// What CLI11 says of wrong usage.
constexpr std::string_view kMistakes[] = {
    "{} is required",
    "{}: {} required {} missing",
    "{}: Value {} not in range {} to {}",
    "{}: Value {} not in range [{} - {}]",
    "{}: {} not in {}",
    "Could not convert: {} = {}",
    "The following argument was not expected: {}",
    "The following arguments were not expected: {}",
};

std::vector<std::string> words_of(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::App* sub : app.get_subcommands({}))
    if (is_shown(sub)) words.push_back(sub->get_name());
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  return words;
}

void describe(const CLI::App& app, const std::string& path, std::string& cases) {
  std::string words;
  for (const std::string& word : words_of(app)) words += (words.empty() ? "" : " ") + word;
  cases += "    '" + path + "') known='" + words + "' ;;\n";
  for (const CLI::App* sub : app.get_subcommands({}))
    if (is_shown(sub)) describe(*sub, path + " " + sub->get_name(), cases);
}

// As it is typed: "mifeng key rotate".
std::string path_of(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : path_of(*app.get_parent()) + " " + app.get_name();
}

Error no_command(const std::string& word, const CLI::App& within) {
  std::vector<std::string> names;
  for (const CLI::App* sub : within.get_subcommands({})) {
    names.push_back(sub->get_name());
    for (const std::string& other : sub->get_aliases()) names.push_back(other);
  }
  const std::string meant = nearest(word, names);
  if (meant.empty())
    return Error(ErrorCode::kInvalidArgument, "unknown-command",
                 say("There is no command {} here; --help lists those there are.", {word}));
  return Error(ErrorCode::kInvalidArgument, "unknown-command",
               say("There is no command {} here; did you mean {}?", {word, meant}));
}

Error no_flag(const std::string& given, const CLI::App& command) {
  const std::string flag = given.substr(0, given.find('='));
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  // What other tools call the file, and this one the form.
  const bool file = flag == "-o" && std::find(names.begin(), names.end(), "--output-file") != names.end();
  const std::string meant = file ? "--output-file" : flag.starts_with("--") ? nearest(flag, names) : "";
  if (meant.empty())
    return Error(ErrorCode::kInvalidArgument, "unknown-flag",
                 say("`{}` has no flag {}; --help lists those it has.", {path_of(command), flag}));
  return Error(ErrorCode::kInvalidArgument, "unknown-flag",
               say("`{}` has no flag {}; did you mean {}?", {path_of(command), flag, meant}));
}

// The mistake behind what parse() threw, where we can say it better: a misspelt command or flag would be told only that
// something is required, or was not expected.
std::optional<Error> spelling_mistake(const CLI::App& root, const CLI::ParseError& problem) {
  const bool required = dynamic_cast<const CLI::RequiredError*>(&problem) != nullptr;
  if (!required && dynamic_cast<const CLI::ExtrasError*>(&problem) == nullptr) return std::nullopt;
  const CLI::App* command = &root;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().back();
  const std::vector<std::string> unknown = root.remaining(true);
  for (const std::string& word : unknown)
    if (word.size() > 1 && word.front() == '-' && word != "--") return no_flag(word, *command);
  if (!unknown.empty() && !command->get_subcommands({}).empty()) return no_command(unknown[0], *command);
  return std::nullopt;
}

}  // namespace

Command Command::add(const std::string& name, const std::string& summary) {
  CLI::App* sub = app_of(app_).add_subcommand(name, tr(summary))->group(tr("Subcommands"));
  sub->get_help_ptr()->group(tr("Options"));
  app_of(app_).require_subcommand(1);
  return Command(sub, line_);
}

Command& Command::alias(const std::string& name) {
  app_of(app_).alias(name);
  return *this;
}

Command& Command::hidden() {
  app_of(app_).group("");
  return *this;
}

Command& Command::text(const std::string& flags, std::string& target, const std::string& help, Need need) {
  last_ = finished(app_of(app_).add_option(flags, target, tr(help)), need);
  last_target_ = &target;
  return *this;
}

Command& Command::texts(const std::string& flags, std::vector<std::string>& target, const std::string& help,
                        Need need) {
  CLI::Option* option = finished(app_of(app_).add_option(flags, target, tr(help)), need);
  // One value each time it is given: `--to A B` would otherwise swallow what follows.
  if (flags.front() == '-') option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  last_ = option;
  return *this;
}

Command& Command::number(const std::string& flags, std::int64_t& target, std::int64_t min, std::int64_t max,
                         const std::string& help, Need need) {
  // A value out of the range stands for "not given": what happens then is for `help` to say.
  const std::string range =
      target < min || target > max
          ? say(" ({} to {})", {std::to_string(min), std::to_string(max)})
          : say(" ({} to {}; default {})", {std::to_string(min), std::to_string(max), std::to_string(target)});
  CLI::Option* option = app_of(app_).add_option(flags, target, tr(help) + range)->check(CLI::Range(min, max));
  option->option_text(tr("INT") + (need == Need::kRequired ? " " + tr("REQUIRED") : ""));
  last_ = finished(option, need);
  return *this;
}

Command& Command::flag(const std::string& flags, bool& target, const std::string& help) {
  last_ = app_of(app_).add_flag(flags, target, tr(help))->group(tr("Options"));
  return *this;
}

Command& Command::word(const std::string& flags, std::string& target, const std::vector<std::string>& words,
                       const std::string& help, Need need) {
  std::string all;
  for (const std::string& one : words) all += (all.empty() ? "" : "|") + one;
  const std::string usual = target.empty() ? "" : say(" (default {})", {target});
  CLI::Option* option = app_of(app_).add_option(flags, target, tr(help) + usual)->check(CLI::IsMember(words));
  option->option_text(all + (need == Need::kRequired ? " " + tr("REQUIRED") : ""));
  last_ = finished(option, need);
  last_target_ = &target;
  return *this;
}

Command& Command::setting(const std::string& name) {
  auto* option = static_cast<CLI::Option*>(last_);
  option->envname(environment_name(name));
  // A text of its own hides the variable.
  if (!option->get_option_text().empty())
    option->option_text(option->get_option_text() + " (" + tr("Env") + ":" + environment_name(name) + ")");
  static_cast<CommandLine::State*>(line_)->settings.push_back({&app_of(app_), option, last_target_, name, ""});
  return *this;
}

Command& Command::examples(const std::string& text) {
  app_of(app_).footer("\n" + tr("Examples:") + "\n" + tr(text));
  return *this;
}

void Command::run(Action action) {
  auto* state = static_cast<CommandLine::State*>(line_);
  app_of(app_).callback([state, app = &app_of(app_), action = std::move(action)] {
    state->chosen = action;
    state->chosen_app = app;
  });
}

CommandLine::CommandLine(const std::string& name, const std::string& summary, const std::string& version)
    : state_(std::make_unique<State>()) {
  state_->app.name(name);
  state_->app.description(tr(summary));
  state_->app.set_version_flag("--version", name + " " + version, tr("print the version"))->group(tr("Options"));
  state_->app.set_help_flag("-h,--help", tr("how to use this, with examples"))->group(tr("Options"));
  const auto formatter = std::make_shared<CLI::Formatter>();
  for (const char* label : {"Usage", "OPTIONS", "Positionals", "SUBCOMMAND", "REQUIRED", "Env", "TEXT", "INT"})
    formatter->label(label, tr(label));
  state_->app.formatter(formatter);  // subcommands take it over
  state_->version = version;
}

CommandLine::~CommandLine() = default;

Command CommandLine::root() { return Command(&state_->app, state_.get()); }

int CommandLine::main(int argc, char** argv, Console& console) {
  if (argc <= 1) {  // asked for nothing: the best answer is what there is to ask for
    console.message(state_->app.help());
    return kExitUsage;
  }
  try {
    state_->app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    if (const auto mistake = spelling_mistake(state_->app, problem)) {
      console.error(*mistake);
      return kExitUsage;
    }
    // Help and version are "errors" with status 0; everything else that parse() throws is a mistake in usage.
    if (problem.get_exit_code() != 0) {
      console.error(Error(ErrorCode::kInvalidArgument, "usage",
                          say("Wrong usage: {}. See --help.", {say_again(problem.what(), kMistakes)})));
      return kExitUsage;
    }
    return state_->app.exit(problem) == 0 ? kExitOk : kExitUsage;
  }
  const Result<void> settled = state_->settle();
  const Result<int> status = settled ? state_->chosen(console) : Result<int>(settled.error());
  if (status) return *status;
  if (status.error().reason() == kOutputClosed) return kExitOutputClosed;
  console.error(status.error());
  return exit_code(status.error().code());
}

std::vector<CommandLine::Setting> CommandLine::settings() const {
  std::vector<Setting> settled;
  for (const State::Declared& one : state_->settings) {
    if (one.app == state_->chosen_app) settled.push_back({one.name, *one.target, one.from});
  }
  return settled;
}

Result<std::string> CommandLine::help(const std::vector<std::string>& path) const {
  const CLI::App* app = &state_->app;
  for (const std::string& word : path) {
    const std::vector<const CLI::App*> found =
        app->get_subcommands([&](const CLI::App* sub) { return sub->check_name(word); });
    if (found.empty()) return no_command(word, *app);
    app = found.front();
  }
  // App::help() would show the command that is being run.
  return app->get_formatter()->make_help(app, path_of(*app), CLI::AppFormatMode::Normal);
}

const std::string& CommandLine::version() const { return state_->version; }

std::vector<std::string> CommandLine::following(const std::vector<std::string>& words) const {
  const CLI::App* app = &state_->app;
  for (const std::string& word : words) {
    const std::vector<const CLI::App*> found =
        app->get_subcommands([&](const CLI::App* sub) { return sub->check_name(word); });
    if (!found.empty()) app = found.front();
  }
  return words_of(*app);
}

std::string CommandLine::completion(const std::string& shell) const {
  const std::string name = state_->app.get_name();
  if (shell == "fish")
    return "complete -c " + name + " -a '(" + name + " complete --all -- (commandline -opc)[2..-1] 2>/dev/null)'\n";
  std::string cases;
  describe(state_->app, name, cases);
  // zsh runs bash completions through bashcompinit.
  std::string script =
      shell == "zsh" ? "autoload -U +X compinit && compinit -u\nautoload -U +X bashcompinit && bashcompinit\n" : "";
  // Not `path` and `words`: in zsh those are PATH and what is being completed.
  script += "_" + name + "() {\n  local said='" + name + "' word known='' more='' last=\"${COMP_WORDS[COMP_CWORD]}\"\n";
  script += "  for word in \"${COMP_WORDS[@]:1:$((COMP_CWORD-1))}\"; do\n";
  script += "    case $word in -*|*/*|*.*) ;; *) said=\"$said $word\" ;; esac\n  done\n";
  script += "  case $said in\n" + cases + "  esac\n";
  // What the platform has is asked for where no flag is begun.
  script += "  case $last in -*) ;; *) more=$(" + name +
            " complete -- \"${COMP_WORDS[@]:1:$((COMP_CWORD-1))}\" 2>/dev/null) ;; esac\n";
  script += "  COMPREPLY=($(compgen -W \"$known $more\" -- \"$last\"))\n}\n";
  // VENDOR/MODEL@VERSION is one word.
  if (shell == "bash") script += "COMP_WORDBREAKS=${COMP_WORDBREAKS//@}\n";
  script += "complete -o default -F _" + name + " " + name + "\n";
  return script;
}

}  // namespace mifeng::cli
