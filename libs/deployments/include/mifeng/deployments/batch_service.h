// Batches 批量部署: many deployments at once, planned first and applied in the background.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/base/listed.h"
#include "mifeng/deployments/deployment_service.h"
#include "mifeng/store/deployments.h"
#include "mifeng/trust/actor.h"
#include "mifeng/trust/types.h"

namespace mifeng::deployments {

struct Context;

using store::BatchAction;
using store::BatchAsked;
using store::BatchItemState;

// One line of a list: a version, and what differs from what holds for all.
struct BatchWish {
  std::string version;          // the id of a version, or "acme/digits@1.2.0"
  DeploymentRequest request{};  // without version_id; an empty name is made of BatchWishes::name
};
// The newest accepted version of each model that fits; members as of models::ModelQuery.
struct BatchFilter {
  std::string text{}, name{}, function{}, language{}, vendor{};
};
struct BatchWishes {
  std::vector<BatchWish> items{};       // either these
  std::optional<BatchFilter> filter{};  // or these, in the order of vendor and model
  std::vector<std::string> except{};    // of a filter: "acme/digits", "acme/digits@1.2.0" or the id of a version
  std::vector<BatchWish> edits{};       // what is said of an item of a filter: its version as in `except`
  // What holds for each item that says nothing else. {vendor}, {model} and {version} are replaced.
  std::string name = "{model}";
  std::string prefix{};  // of a route; empty: none
  std::string cluster{};
  std::optional<int> replicas{};
  std::vector<std::string> callers{};
  bool open = false;
  bool allow_network = false;
};

// Why an item cannot be applied: a reason of spec/errors.md, its sentence, and what to do in the next one.
MIFENG_LISTED(Refusal, text(code), text(message), text(remedy));
MIFENG_LISTED(BatchPlanItem, of(int, number),  // counts from 1
              of(DeploymentRequest, request),  // as it would be made
              text(vendor_id), text(model), text(version), word(BatchAction, action),
              text(deployment_id),                                                         // that is there already
              of(int, from_revision),                                                      // number
              of(std::vector<FieldChange>, changes), of(std::vector<PlannedPort>, ports),  // of a new deployment
              number(cpu_millis), number(memory_bytes),  // that its new units ask for, all together
              of(std::vector<Refusal>, refusals), of(std::vector<std::string>, warnings));
MIFENG_LISTED(BatchClusterNeeds, text(cluster), of(int, ports), number(cpu_millis), number(memory_bytes),
              flag(known),  // whether its engine tells what is free
              number(cpu_millis_free), number(memory_bytes_free));
MIFENG_LISTED(BatchTotals, of(int, items), of(int, create), of(int, update), of(int, none), of(int, refused),
              of(int, ports));
MIFENG_LISTED(BatchPlan, text(id), text(created_by), number(created_ms), number(expires_ms),
              text(batch_id),  // that it was applied as; empty: not yet
              of(BatchTotals, totals), of(std::vector<BatchClusterNeeds>, clusters),
              of(std::vector<BatchPlanItem>, items));

MIFENG_LISTED(BatchCounts, number(waiting), number(working), number(ready), number(failed), number(cancelled),
              number(rolled_back));
// kWorking: an item waits or works.
enum class BatchState { kWorking, kDone };
std::string_view to_string(BatchState state);  // "working", "done"
MIFENG_LISTED(BatchSummary, text(id), word(BatchState, state), word(BatchAsked, asked), of(BatchCounts, counts),
              text(created_by), number(created_ms));
MIFENG_LISTED(BatchItem, of(int, number), of(DeploymentRequest, request), word(BatchAction, action),
              word(BatchItemState, state), text(deployment_id), text(code), text(message), number(changed_ms));
MIFENG_LISTED(Batch, text(id), word(BatchState, state), word(BatchAsked, asked), of(BatchCounts, counts),
              text(created_by), number(created_ms), of(std::vector<BatchItem>, items));

class BatchService {
 public:
  explicit BatchService(const Context& context);
  ~BatchService();

  // What would be made of these wishes, kept under an id for a while (kBatchPlanLifetime) and not over a restart.
  // Nothing is reserved. kInvalidArgument "bad-batch", "bad-pattern", "unknown-edit".
  Result<BatchPlan> plan(const trust::Actor& actor, const BatchWishes& wishes);
  Result<BatchPlan> find_plan(const trust::Actor& actor, const std::string& id);  // kNotFound "plan-gone"

  // Stores the plan's items but those numbered in `without`, and returns; the reconciler does the rest. Where what the
  // plan rests on is not so any more nothing is stored, and `changed` is what would be planned now. kConflict
  // "plan-refuses", "plan-applied"; kNotFound "plan-gone"; kInvalidArgument "bad-batch".
  struct Applied {
    std::optional<Batch> batch{};
    std::optional<BatchPlan> changed{};
    std::string difference{};  // in a sentence
  };
  Result<Applied> apply(const trust::Actor& actor, const std::string& plan_id, const std::vector<int>& without);
  // Without a plan: each item is a new deployment, and stands alone. Returns at once.
  Result<Batch> create(const trust::Actor& actor, const std::vector<DeploymentRequest>& requests);

  Result<Batch> get(const trust::Actor& actor, const std::string& id);
  // `text`: part of the id, of who began it, or of a name that an item asks for; empty: all.
  Result<trust::Page<BatchSummary>> list(const trust::Actor& actor, const std::string& text,
                                         const trust::PageRequest& page);
  // What failed is done again: what was not made is made, what does not run is restarted. With `numbers` these items
  // alone, or none of them: kNotFound "no-such-item", kConflict "item-not-failed". kConflict "batch-rolled-back".
  Result<Batch> retry(const trust::Actor& actor, const std::string& id, const std::vector<int>& numbers = {});
  // What waits is not done any more; what works goes on.
  Result<Batch> cancel(const trust::Actor& actor, const std::string& id);
  // What the batch made is removed, what it updated goes back to the revision before; what waits is cancelled. An item
  // whose deployment somebody changed since then is left as it is, failed with "changed-since".
  Result<Batch> roll_back(const trust::Actor& actor, const std::string& id);

 private:
  struct Shelf;  // of the plans

  const Context& context_;
  std::unique_ptr<Shelf> shelf_;
};

inline constexpr UnixMillis kBatchPlanLifetime = 30 * 60 * 1000;
inline constexpr std::size_t kBatchPlansMax = 32;  // the oldest goes first

}  // namespace mifeng::deployments
