// The platform's structures as spec/openapi.yaml has them.
#pragma once

#include "mifeng/json/value.h"
#include "mifeng/platform/platform.h"

namespace mifeng::rest {

json::Value json_of(const std::vector<platform::Role>& roles);
json::Value json_of(const platform::Person& person);
json::Value json_of(const platform::NewPassword& made);
json::Value json_of(const platform::Session& session);
json::Value json_of(const platform::ApiToken& token);
json::Value json_of(const platform::NewApiToken& made);
json::Value json_of(const platform::Vendor& vendor);
json::Value json_of(const platform::ModelVersion& version);
json::Value json_of(const platform::ModelService::Withdrawn& withdrawn);
json::Value json_of(const platform::ConfigEntry& entry);
json::Value json_of(const platform::ImageEntry& entry);
json::Value json_of(const platform::Upload& upload);
json::Value json_of(const platform::Submitted& submitted);
json::Value json_of(const platform::Cluster& cluster);
json::Value json_of(const platform::PortRange& range);
json::Value json_of(const platform::ReservedPort& port);
json::Value json_of(const platform::PortInfo& port);
json::Value json_of(const platform::DeploymentRequest& request);
json::Value json_of(const platform::DeploymentPlan& plan);
json::Value json_of(const platform::UpdatePlan& plan);
json::Value json_of(const platform::Revision& revision);
json::Value json_of(const platform::Deployment& deployment);
json::Value json_of(const platform::DeploymentEvent& event);
json::Value json_of(const platform::Batch& batch);
json::Value json_of(const platform::Route& route);
json::Value json_of(const platform::Caller& caller);
json::Value json_of(const platform::NewCaller& made);
json::Value json_of(const platform::KeyInfo& key);
json::Value json_of(const platform::Instance& instance);
json::Value json_of(const platform::Gateway& gateway);
json::Value json_of(const platform::UsageRow& row);
json::Value json_of(const platform::AuditEntry& entry);
json::Value json_of(const platform::AuditVerdict& verdict);

template <typename T>
json::Array json_list(const std::vector<T>& items) {
  json::Array list;
  list.reserve(items.size());
  for (const T& item : items) list.push_back(json_of(item));
  return list;
}

template <typename T>
json::Value json_page(const platform::Page<T>& page, const platform::PageRequest& request) {
  return json::Object{{"items", json_list(page.items)},
                      {"total", page.total},
                      {"page", request.page},
                      {"page_size", request.page_size}};
}

}  // namespace mifeng::rest
