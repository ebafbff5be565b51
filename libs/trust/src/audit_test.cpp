#include <sstream>

#include "mifeng/platform_fixture/platform_test.h"
#include "mifeng/store/audit.h"

namespace mifeng::trust {
namespace {

using platform_fixture::PlatformTest;

class Audit : public PlatformTest {
 protected:
  void SetUp() override {
    PlatformTest::SetUp();
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(platform_->callers().create(operator_, "ward " + std::to_string(i)));
  }
  AuditVerdict verify(const std::string& head = "") {
    auto verdict = platform_->audit().verify(auditor_, head);
    EXPECT_TRUE(verdict) << verdict.error().message();
    return verdict.value_or(AuditVerdict{});
  }
  std::string head() { return platform_->audit().export_head(auditor_).value(); }
  std::string exported() {
    std::string text;
    EXPECT_TRUE(platform_->audit().export_log(auditor_, [&](std::string_view piece) {
      text += piece;
      return true;
    }));
    return text;
  }
  std::string card_text() { return platform_->keys().card(auditor_).value(); }
  void sql(const std::string& text) {
    ASSERT_TRUE(db().write([&](store::Transaction& tx) { return store::run_sql(tx, text, {}); }));
  }
};

TEST_F(Audit, IsIntactAndCovered) {
  const std::string kept = head();
  const AuditVerdict verdict = verify(kept);
  EXPECT_TRUE(verdict.intact) << verdict.problem;
  EXPECT_GE(verdict.entries, 13);
  EXPECT_EQ(verdict.signed_up_to, verdict.entries);
  reopen();
  EXPECT_TRUE(verify(kept).intact);
}

TEST_F(Audit, AChangedEntryIsFound) {
  for (const char* column : {"actor", "action", "subject", "outcome", "detail"}) {
    SetUp();
    sql(std::string("UPDATE audit_log SET ") + column + " = 'forged' WHERE seq = 5");
    const AuditVerdict verdict = verify();
    EXPECT_FALSE(verdict.intact) << column;
    EXPECT_EQ(verdict.bad_seq, 5) << column;
  }
}

TEST_F(Audit, ARemovedEntryIsFound) {
  sql("DELETE FROM audit_log WHERE seq = 6");
  const AuditVerdict verdict = verify();
  EXPECT_FALSE(verdict.intact);
  EXPECT_EQ(verdict.bad_seq, 6);
  EXPECT_NE(verdict.problem.find("missing"), std::string::npos);
}

TEST_F(Audit, ACutTailIsFoundByTheLastHeadOrAnExportedOne) {
  const std::string kept = head();
  sql("DELETE FROM audit_log WHERE seq > 8");
  EXPECT_FALSE(verify().intact) << "the signed head in the database says so";
  sql("DELETE FROM audit_heads");
  EXPECT_TRUE(verify().intact) << "nothing in the database tells any more";
  const AuditVerdict verdict = verify(kept);
  EXPECT_FALSE(verdict.intact);
  EXPECT_EQ(verdict.bad_seq, 9);
  EXPECT_NE(verdict.problem.find("tail was cut"), std::string::npos);
}

TEST_F(Audit, ARewrittenChainIsFoundBecauseItsKeyIsMissing) {
  // Anyone who can write the database but not unwrap the key can make digests, but no MAC.
  sql("UPDATE audit_log SET detail = 'nothing happened', digest = '" + std::string(64, '0') + "' WHERE seq = 5");
  EXPECT_EQ(verify().bad_seq, 5);
}

TEST_F(Audit, AnOlderDatabaseIsFoundByAnExportedHead) {
  std::filesystem::copy_file(options_.data_dir / "mifeng.db", folder_->path() / "old.db");
  platform_.reset();  // so that the write-ahead log is in the file
  reopen();
  platform_.reset();
  std::filesystem::copy_file(options_.data_dir / "mifeng.db", folder_->path() / "old.db",
                             std::filesystem::copy_options::overwrite_existing);
  reopen();
  ASSERT_TRUE(platform_->callers().create(operator_, "later"));
  const std::string kept = head();
  platform_.reset();
  for (const char* part : {"-wal", "-shm"})
    std::filesystem::remove(options_.data_dir / (std::string("mifeng.db") + part));
  std::filesystem::copy_file(folder_->path() / "old.db", options_.data_dir / "mifeng.db",
                             std::filesystem::copy_options::overwrite_existing);
  reopen();
  EXPECT_TRUE(verify().intact);
  EXPECT_FALSE(verify(kept).intact);
}

TEST_F(Audit, HeadsAreSignedEachHourAndEachThousandEntries) {
  EXPECT_FALSE(*platform_->audit().sign_head_if_due());
  clock_.advance(std::chrono::hours(1));
  EXPECT_TRUE(*platform_->audit().sign_head_if_due());
  EXPECT_FALSE(*platform_->audit().sign_head_if_due());
  clock_.advance(std::chrono::hours(2));
  EXPECT_FALSE(*platform_->audit().sign_head_if_due()) << "nothing new";
  const auto caller = platform_->callers().create(operator_, "busy").value();
  for (int i = 0; i < 999; ++i) ASSERT_TRUE(platform_->callers().set_enabled(operator_, caller.caller.id, i % 2 == 0));
  EXPECT_TRUE(*platform_->audit().sign_head_if_due());
  EXPECT_TRUE(verify().intact);
}

TEST_F(Audit, AnExportIsVerifiedWithoutThePlatform) {
  const std::string log = exported(), kept = head(), card = card_text();
  auto verdict = verify_audit_export(log, card, kept);
  ASSERT_TRUE(verdict) << verdict.error().message();
  EXPECT_TRUE(verdict->intact) << verdict->problem;
  EXPECT_EQ(verdict->signed_up_to, verdict->entries);

  const auto line = [&](int number) {
    std::istringstream lines(log);
    std::string text;
    for (int i = 0; i < number; ++i) std::getline(lines, text);
    return text + "\n";
  };
  const auto without = [&](const std::string& part) {
    std::string text = log;
    return text.erase(text.find(part), part.size());
  };
  std::string changed = log;
  changed.replace(changed.find("ward 3"), 6, "ward 4");
  EXPECT_FALSE(verify_audit_export(changed, card, "")->intact);
  EXPECT_FALSE(verify_audit_export(without(line(4)), card, "")->intact) << "an entry removed";
  // The tail and the heads over it.
  const std::string cut = log.substr(0, log.find(line(6)));
  EXPECT_TRUE(verify_audit_export(cut, card, "")->intact);
  EXPECT_EQ(verify_audit_export(cut, card, "")->signed_up_to, 0) << "and it says that nothing is covered";
  EXPECT_FALSE(verify_audit_export(cut, card, kept)->intact);
  EXPECT_FALSE(verify_audit_export("{}\n", card, ""));
  EXPECT_FALSE(verify_audit_export("rubbish\n", card, ""));
  EXPECT_FALSE(verify_audit_export(log, "{}", ""));
}

TEST_F(Audit, AHeadOfAnotherPlatformIsNone) {
  const std::string kept = head();
  SetUp();
  const auto refused = platform_->audit().verify(auditor_, kept);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "bad-head");
  EXPECT_FALSE(platform_->audit().verify(auditor_, "{}"));
}

TEST_F(Audit, HeadsStayGoodAcrossIdentityKeys) {
  const std::string before = head(), old_card = card_text();
  ASSERT_TRUE(platform_->keys().rotate(admin_, KeyPurpose::kIdentity));
  const std::string after = head();
  EXPECT_TRUE(verify(before).intact);
  EXPECT_TRUE(verify(after).intact);
  const std::string log = exported();
  for (const std::string& card : {old_card, card_text()}) {
    auto verdict = verify_audit_export(log, card, after);
    ASSERT_TRUE(verdict) << verdict.error().message();
    EXPECT_TRUE(verdict->intact) << verdict->problem;
    EXPECT_EQ(verdict->signed_up_to, verdict->entries);
  }
}

TEST_F(Audit, BytesOfStrangersDoNotSpoilTheExport) {
  // What a container may write into a header field ends in the log as its refusal.
  std::string nasty = "\xff\xfe\x01\n\"\\ \xe6\xa8\xa1 \xed\xa0\x80 \xc0\x80 \xf4\x90\x80\x80";
  nasty += '\0';
  const grants::SocketPeer peer{.cluster = clusters::kLocalCluster, .unit = nasty, .pid = 1, .pidfd = -1};
  EXPECT_FALSE(platform_->grants().grant(peer, std::string(63, 'a') + "\xe6\xa8\xa1", "n", as_bytes(nasty)));
  AuditQuery query;
  query.action = "grant.refuse";
  const auto page = platform_->audit().list(auditor_, query, {}).value();
  ASSERT_EQ(page.total, 1);
  EXPECT_EQ(page.items[0].subject, "??? \"\\ \xe6\xa8\xa1 ??? ?? ?????");
  const auto verdict = verify_audit_export(exported(), card_text(), head());
  ASSERT_TRUE(verdict) << verdict.error().message();
  EXPECT_TRUE(verdict->intact) << verdict->problem;
}

TEST_F(Audit, IsForAuditorsAndFiltered) {
  EXPECT_EQ(platform_->audit().list(operator_, {}, {}).error().reason(), "not-allowed");
  AuditQuery query;
  query.action = "caller.create";
  query.actor = "operator";
  const auto page = platform_->audit().list(auditor_, query, {.page = 2, .page_size = 3});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->total, 10);
  ASSERT_EQ(page->items.size(), 3u);
  EXPECT_EQ(page->items[0].detail, "ward 6") << "newest first";
  query.to_ms = 1;
  EXPECT_EQ(platform_->audit().list(auditor_, query, {})->total, 0);
}

TEST_F(Audit, TheKeyCannotBeTakenAwayUnseen) {
  sql("DELETE FROM wrapped_secrets");
  platform_.reset();
  SecretBytes master(32);
  for (auto& byte : master.reveal_for_writing()) byte = 7;
  const auto opened = platform::Platform::open(options_, std::move(master), engines(), clock_, random_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason(), "audit-key-missing");
}

}  // namespace
}  // namespace mifeng::trust
