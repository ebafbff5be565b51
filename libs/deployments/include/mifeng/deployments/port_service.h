// Node ports 节点端口: available node ports 可用节点端口号 (ranges), used node ports 已使用节点端口号, and the
// reserved.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "mifeng/base/listed.h"
#include "mifeng/trust/actor.h"
#include "mifeng/trust/types.h"

namespace mifeng::deployments {

struct Context;

MIFENG_LISTED(PortRange, of(int, first), of(int, last));  // included
// Kept free for something else.
MIFENG_LISTED(ReservedPort, of(int, port), text(reason));
enum class PortState { kFree, kUsed, kUsedByOthers, kReserved };
// Their ETags (trust/version.h).
std::string version_of(const std::vector<PortRange>& ranges);
std::string version_of(const std::vector<ReservedPort>& reserved);
std::string_view to_string(PortState state);  // "free", "used", "used-by-others", "reserved"
MIFENG_LISTED(PortInfo, of(int, port), word(PortState, state),
              text(holder),      // deployment id, or who holds it as far as can be seen, or why it is reserved
              text(unit),        // that has it, where it is one unit's
              text(port_name));  // of the deployment config

// The ports of this host that its packet filter sends to a container, with the container network's name: the rules that
// `command` prints (`iptables -S` of the chain that Podman's netavark fills). They outlive whoever made them: where an
// installation with all its containers' monitors was killed, nothing listens on its ports any more and every call to
// them still goes where nobody is. None where there are no such rules; kTimeout where the command does not end.
Result<std::map<int, std::string>> forwarded_ports(const std::vector<std::string>& command);

// Each for one cluster, by its id; empty is "local". kNotFound for one that is not there. A change is refused with
// kConflict "changed-meanwhile" where the actor has seen another version.
class PortService {
 public:
  explicit PortService(const Context& context) : context_(context) {}

  Result<std::vector<PortRange>> ranges(const trust::Actor& actor, const std::string& cluster);
  // Replaces the ranges: sorted, apart, within 1024..65535. kConflict "port-in-use" if one that we use falls out.
  Result<std::vector<PortRange>> set_ranges(const trust::Actor& actor, const std::string& cluster,
                                            const std::vector<PortRange>& ranges);
  Result<std::vector<ReservedPort>> reserved(const trust::Actor& actor, const std::string& cluster);
  Result<std::vector<ReservedPort>> set_reserved(const trust::Actor& actor, const std::string& cluster,
                                                 const std::vector<ReservedPort>& reserved);
  // Every port of the ranges, in order.
  Result<std::vector<PortInfo>> overview(const trust::Actor& actor, const std::string& cluster);
  // The lowest `count` free ones. kResourceExhausted "no-free-ports" says how many there are.
  Result<std::vector<int>> recommend(const trust::Actor& actor, const std::string& cluster, int count);

 private:
  const Context& context_;
};

}  // namespace mifeng::deployments
