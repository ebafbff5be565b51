#include "commands/findings.h"

#include "cli/language.h"
#include "mifeng/client/answer.h"

namespace mifeng::cli {

using State = stack::Finding::State;

std::vector<stack::Finding> findings_of(const json::Value& answer) {
  using client::text_of;
  std::vector<stack::Finding> findings;
  for (const json::Value& item : client::list_of(answer, "items")) {
    const std::string state = text_of(item, "state");
    findings.push_back({state == "fine"      ? State::kFine
                        : state == "warning" ? State::kWarning
                                             : State::kMissing,
                        text_of(item, "what"), text_of(item, "detail"), text_of(item, "remedy")});
  }
  return findings;
}

Result<int> print_findings(const std::vector<stack::Finding>& findings, Console& console) {
  bool missing = false;
  std::vector<std::vector<std::string>> rows;
  for (const stack::Finding& finding : findings) {
    missing = missing || finding.state == State::kMissing;
    const std::string state = finding.state == State::kFine      ? tr("ok")
                              : finding.state == State::kWarning ? tr("warning")
                                                                 : tr("missing");
    rows.push_back({state, tr_phrase(finding.what), tr_phrase(finding.detail), tr_phrase(finding.remedy)});
  }
  MIFENG_CHECK(console.table({"", tr("WHAT"), tr("FOUND"), tr("WHAT TO DO")}, rows));
  return missing ? 1 : 0;
}

}  // namespace mifeng::cli
