// The policy that stands in deploy/kubernetes, as this library has it. What it does is tried on a real cluster.
#include "admission.h"

#include <gtest/gtest.h>

#include "mifeng/cluster/json_path.h"
#include "rights.h"

namespace mifeng::kubernetes {
namespace {

using cluster::text_at;
using json::Array;
using json::Object;

TEST(Admission, ThePolicyIsOfOneNamespaceAndOnePlatform) {
  const AdmissionObjects made = admission_objects("wards", "system:serviceaccount:wards:mifeng");
  EXPECT_EQ(text_at(made.policy, "kind"), "ValidatingAdmissionPolicy");
  EXPECT_EQ(text_at(made.binding, "kind"), "ValidatingAdmissionPolicyBinding");
  EXPECT_EQ(text_at(made.policy, "metadata", "name"), cluster_role_name("wards"));
  EXPECT_EQ(text_at(made.binding, "metadata", "name"), cluster_role_name("wards"));
  EXPECT_EQ(text_at(made.binding, "spec", "policyName"), cluster_role_name("wards"));
  EXPECT_EQ(text_at(made.policy, "spec", "failurePolicy"), "Fail");
  const std::string text = json::serialize(made.policy) + json::serialize(made.binding);
  EXPECT_EQ(text.find("NAMESPACE"), std::string::npos) << "a placeholder is left";
  EXPECT_EQ(text.find("PLATFORM"), std::string::npos) << "a placeholder is left";
  EXPECT_NE(text.find("variables.who == 'system:serviceaccount:wards:mifeng'"), std::string::npos);
}

TEST(Admission, WhatTheServerAddsIsNoChange) {
  const Object made{{"spec", Object{{"list", Array{Object{{"a", "1"}}, "b"}}}}};
  const Object seen{{"spec", Object{{"list", Array{Object{{"a", "1"}, {"scope", "*"}}, "b"}}, {"more", true}}},
                    {"status", Object{}}};
  EXPECT_TRUE(is_within(made, seen));
  EXPECT_FALSE(is_within(seen, made));
  EXPECT_FALSE(is_within(made, Object{{"spec", Object{{"list", Array{Object{{"a", "1"}}}}}}}));
  EXPECT_FALSE(is_within(made, Object{{"spec", Object{{"list", Array{Object{{"a", "2"}}, "b"}}}}}));
  EXPECT_FALSE(is_within(made, nullptr));
}

}  // namespace
}  // namespace mifeng::kubernetes
