// Where deployments can be called: the endpoints that gateways are told of.
#pragma once

#include <string>
#include <vector>

#include "mifeng/store/deployments.h"
#include "mifeng/store/grants.h"

namespace mifeng::access {

struct LiveEndpoint {
  store::EndpointRow row;
  std::vector<std::string> addresses;  // of its cluster's nodes with its port: "127.0.0.1:30001", "[::1]:30001"
};

// Of these endpoints those that lead to one of these instances: another unit has nothing to say that could be opened.
Result<std::vector<LiveEndpoint>> live_endpoints(store::Transaction& tx, std::vector<store::EndpointRow> rows,
                                                 const std::vector<store::InstanceRow>& instances);

}  // namespace mifeng::access
