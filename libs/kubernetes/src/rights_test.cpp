// The roles that stand in deploy/kubernetes, as this library has them.
#include "rights.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "mifeng/cluster/json_path.h"
#include "objects.h"

namespace mifeng::kubernetes {
namespace {

bool has(const std::vector<Right>& rights, const std::string& text) {
  return std::any_of(rights.begin(), rights.end(), [&](const Right& right) { return right.text() == text; });
}

TEST(Rights, OfTheNamespaceAreWhatUnitsNeed) {
  const json::Object role = namespace_role("wards");
  EXPECT_EQ(cluster::text_at(role, "kind"), "Role");
  const auto rights = rights_of(role, "wards");
  for (const char* verb : {"get", "list", "watch", "create", "patch", "delete"}) {
    EXPECT_TRUE(has(rights, std::string(verb) + " deployments.apps in wards")) << verb;
    EXPECT_TRUE(has(rights, std::string(verb) + " services in wards")) << verb;
  }
  EXPECT_TRUE(has(rights, "get pods/log in wards"));
  EXPECT_TRUE(has(rights, std::string("patch serviceaccounts ") + kModelAccount + " in wards"));
  // Nobody's secrets but our own, and nothing that runs in another's name.
  for (const Right& right : rights) {
    EXPECT_NE(right.verb, "*") << right.text();
    EXPECT_NE(right.resource, "*") << right.text();
    EXPECT_TRUE(right.resource != "secrets" || right.name == "mifeng-registry") << right.text();
    EXPECT_TRUE(right.resource != "pods" || (right.verb != "create" && right.verb != "patch")) << right.text();
    EXPECT_TRUE(right.subresource.empty() || right.subresource == "log") << right.text();
  }
}

TEST(Rights, OfTheClusterNameTheirNamespace) {
  const json::Object role = cluster_role("wards", true);
  EXPECT_EQ(cluster::text_at(role, "metadata", "name"), cluster_role_name("wards"));
  const auto rights = rights_of(role, "");
  EXPECT_TRUE(has(rights, "list nodes"));
  EXPECT_TRUE(has(rights, "create tokenreviews.authentication.k8s.io"));
  EXPECT_TRUE(has(rights, "delete namespaces wards"));
  EXPECT_TRUE(has(rights, "get namespaces wards"));
  for (const Right& right : rights)
    EXPECT_EQ(right.name.find("NAMESPACE"), std::string::npos) << "a placeholder is left: " << right.text();
  const auto without = rights_of(cluster_role("wards", false), "");
  EXPECT_FALSE(has(without, "delete namespaces wards"));
  EXPECT_EQ(without.size() + 1, rights.size());
  // Outside of the namespace it reads, but for what is named after that.
  for (const Right& right : rights)
    EXPECT_TRUE(!right.name.empty() || right.resource == "tokenreviews" || right.verb == "get" ||
                right.verb == "list" || right.verb == "watch")
        << right.text();
}

}  // namespace
}  // namespace mifeng::kubernetes
