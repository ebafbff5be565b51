// The platform's structures as spec/openapi.yaml has them.
#pragma once

#include "mifeng/json/value.h"
#include "mifeng/platform/platform.h"

namespace mifeng::rest {

json::Value json_of(const std::vector<trust::Role>& roles);
json::Value json_of(const people::Person& person);
json::Value json_of(const people::NewPassword& made);
json::Value json_of(const people::Session& session);
json::Value json_of(const people::ApiToken& token);
json::Value json_of(const people::NewApiToken& made);
json::Value json_of(const models::Vendor& vendor);
json::Value json_of(const models::ModelVersion& version);
json::Value json_of(const models::ModelService::Withdrawn& withdrawn);
json::Value json_of(const models::ConfigEntry& entry);
json::Value json_of(const models::ImageEntry& entry);
json::Value json_of(const models::Upload& upload);
json::Value json_of(const models::Submitted& submitted);
json::Value json_of(const clusters::Cluster& cluster);
json::Value json_of(const deployments::PortRange& range);
json::Value json_of(const deployments::ReservedPort& port);
json::Value json_of(const deployments::PortInfo& port);
json::Value json_of(const deployments::DeploymentRequest& request);
json::Value json_of(const deployments::DeploymentPlan& plan);
json::Value json_of(const deployments::UpdatePlan& plan);
json::Value json_of(const deployments::Revision& revision);
json::Value json_of(const deployments::Deployment& deployment);
json::Value json_of(const deployments::DeploymentEvent& event);
json::Value json_of(const deployments::Batch& batch);
json::Value json_of(const access::Route& route);
json::Value json_of(const access::Caller& caller);
json::Value json_of(const access::NewCaller& made);
json::Value json_of(const trust::KeyInfo& key);
json::Value json_of(const grants::Instance& instance);
json::Value json_of(const access::Gateway& gateway);
json::Value json_of(const access::UsageRow& row);
json::Value json_of(const trust::AuditEntry& entry);
json::Value json_of(const trust::AuditVerdict& verdict);

template <typename T>
json::Array json_list(const std::vector<T>& items) {
  json::Array list;
  list.reserve(items.size());
  for (const T& item : items) list.push_back(json_of(item));
  return list;
}

template <typename T>
json::Value json_page(const trust::Page<T>& page, const trust::PageRequest& request) {
  return json::Object{{"items", json_list(page.items)},
                      {"total", page.total},
                      {"page", request.page},
                      {"page_size", request.page_size}};
}

}  // namespace mifeng::rest
