#include "browser.h"

#include "api_fixture.h"

namespace mifeng::rest {
namespace {

net::Headers headers(std::initializer_list<net::Headers::Field> fields) { return net::Headers(fields); }

TEST(Browser, TheCookieIsOfThisListenerAlone) {
  EXPECT_EQ(cookie_name(true, "https://10.0.0.1:7080"), "__Host-mifeng");
  EXPECT_EQ(cookie_name(false, "http://127.0.0.1:7080"), "mifeng-7080");
  EXPECT_EQ(cookie_name(false, ""), "mifeng");
  EXPECT_EQ(set_cookie("a", "b", true), "a=b; Path=/; HttpOnly; SameSite=Strict; Secure");
  EXPECT_EQ(clear_cookie("a", false), "a=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
}

TEST(Browser, FindsItsCookieAmongOthers) {
  EXPECT_EQ(cookie_of(headers({{"Cookie", "x=1; mifeng=abc ;y=2"}}), "mifeng").value(), "abc");
  EXPECT_EQ(cookie_of(headers({{"cookie", "x=1"}, {"COOKIE", "mifeng=abc"}}), "mifeng").value(), "abc");
  for (const char* none : {"", "=", ";;;", "mifeng", "xmifeng=1", "mifeng-7080=1", "Mifeng=1"})
    EXPECT_EQ(cookie_of(headers({{"Cookie", none}}), "mifeng").value(), "") << none;
  EXPECT_EQ(cookie_of({}, "mifeng").value(), "");
  EXPECT_EQ(cookie_of(headers({{"Cookie", "mifeng=a; mifeng=b"}}), "mifeng").error().reason(), "bad-token");
}

TEST(Browser, TakesOnlyWhatOurOwnPageSends) {
  const auto fine = [](std::string_view method, std::initializer_list<net::Headers::Field> fields, bool tls = false) {
    return check_same_origin(method, headers(fields), tls).has_value();
  };
  const net::Headers::Field host{"Host", "a.example:7080"}, ours{kConsoleHeader, "work"};
  EXPECT_TRUE(fine("GET", {host}));
  EXPECT_TRUE(fine("GET", {host, {"Sec-Fetch-Site", "none"}})) << "typed, or a link that was kept";
  EXPECT_TRUE(fine("POST", {host, ours, {"Origin", "http://a.example:7080"}, {"Sec-Fetch-Site", "same-origin"}}));
  EXPECT_TRUE(fine("POST", {host, ours, {"Origin", "https://a.example:7080"}})) << "TLS ends before us";
  EXPECT_TRUE(fine("POST", {host, ours})) << "a program with a cookie, and no browser";
  EXPECT_FALSE(fine("POST", {host}));
  EXPECT_FALSE(fine("POST", {host, {"Origin", "http://a.example:7080"}}));
  for (const char* site : {"cross-site", "same-site", "none", ""})
    EXPECT_FALSE(fine("DELETE", {host, ours, {"Sec-Fetch-Site", site}})) << site;
  EXPECT_FALSE(fine("GET", {host, {"Sec-Fetch-Site", "cross-site"}}));
  EXPECT_FALSE(fine("GET", {host, {"Sec-Fetch-Site", "same-site"}}));
  for (const char* origin : {"http://b.example:7080", "http://a.example", "http://a.example:7081", "null", "",
                             "http://a.example:7080.b.example", "http://a.example:7080/"})
    EXPECT_FALSE(fine("PUT", {host, ours, {"Origin", origin}})) << origin;
  EXPECT_FALSE(fine("PUT", {host, ours, {"Origin", "http://a.example:7080"}}, true)) << "not what TLS protects";
  EXPECT_FALSE(fine("PUT", {ours, {"Origin", "http://"}}));
  EXPECT_FALSE(fine("PUT", {host, host, ours, {"Origin", "http://a.example:7080"}}));
}

class BrowserApi : public ApiTest {
 protected:
  // As our page sends it, but for what `fields` say otherwise.
  Answer browse(const std::string& method, const std::string& path, const std::string& cookie,
                std::initializer_list<net::Headers::Field> fields, const std::optional<Object>& body = std::nullopt) {
    net::ClientRequest request(method, "/api/v1" + path);
    if (body) request = net::ClientRequest(method, "/api/v1" + path, json::serialize(*body), "application/json");
    if (!cookie.empty()) request.headers.add("Cookie", cookie);
    for (const auto& [name, value] : fields) request.headers.add(name, value);
    return send(*network_client_, std::move(request), "");
  }
  // The cookie as a browser keeps it: name and value.
  static std::string cookie_in(const Answer& answer) {
    const std::string* field = answer.headers.find("Set-Cookie");
    return field == nullptr ? "" : field->substr(0, field->find(';'));
  }
};

TEST_F(BrowserApi, SignsInWithACookieThatNoScriptReads) {
  const Answer made = call_locally("POST", "/system/first-administrator");
  const Object who{{"name", "admin"}, {"password", made.string("password")}, {"cookie", true}};
  EXPECT_EQ(browse("POST", "/session", "", {}, who).string("reason"), "cross-site");
  EXPECT_EQ(browse("POST", "/session", "", {{kConsoleHeader, "work"}, {"Origin", "http://evil.example"}}, who).status,
            403);
  const Answer session = browse("POST", "/session", "", {{kConsoleHeader, "work"}, {"User-Agent", "Fox 1"}}, who);
  ASSERT_EQ(session.status, 200) << session.text;
  EXPECT_EQ(session.string("token"), "") << "the page never sees it";
  const std::string cookie = cookie_in(session);
  ASSERT_NE(cookie.find("=mfs_"), std::string::npos) << cookie;
  EXPECT_NE(session.headers.find("Set-Cookie")->find("HttpOnly; SameSite=Strict"), std::string::npos);

  const Answer me = browse("GET", "/session", cookie, {});
  EXPECT_EQ(me.string("name"), "admin");
  EXPECT_TRUE(me.body.find("permissions")->if_array()->empty()) << "nothing before the password is one's own";
  const Object change{{"old_password", made.string("password")}, {"new_password", "quite a long password"}};
  EXPECT_EQ(browse("PUT", "/session/password", cookie, {}, change).string("reason"), "cross-site");
  EXPECT_EQ(browse("PUT", "/session/password", cookie, {{kConsoleHeader, "work"}}, change).status, 204);
  const Answer now = browse("GET", "/session", cookie, {});
  EXPECT_EQ(now.body.find("permissions")->if_array()->size(), std::size(trust::kAllPermissions));

  const Object vendor{{"id", "acme"}, {"name", "Acme"}};
  for (const char* origin : {"http://evil.example", "null", "https://127.0.0.1"})
    EXPECT_EQ(
        browse("POST", "/vendors", cookie, {{kConsoleHeader, "work"}, {"Origin", origin}}, vendor).string("reason"),
        "cross-site")
        << origin;
  EXPECT_EQ(browse("GET", "/vendors", cookie, {{"Sec-Fetch-Site", "cross-site"}}).status, 403);
  EXPECT_EQ(browse("POST", "/vendors", cookie, {{kConsoleHeader, "work"}}, vendor).status, 201);
  EXPECT_EQ(browse("GET", "/vendors", cookie + "; " + cookie, {}).status, 401) << "one of the two is somebody else's";

  const Answer sessions = browse("GET", "/sessions", cookie, {});
  ASSERT_EQ(sessions.status, 200) << sessions.text;
  const auto& first = *sessions.body.find("items")->if_array()->at(0).if_object();
  EXPECT_EQ(*first.find("agent")->if_string(), "Fox 1");
  EXPECT_TRUE(*first.find("browser")->if_bool());

  // The command line's way is as it was, and the local socket knows no cookies.
  EXPECT_EQ(call("POST", "/session", "", Object{{"name", "admin"}, {"password", "quite a long password"}}).status, 200);
  net::ClientRequest local("GET", "/api/v1/session");
  local.headers.add("Cookie", "mifeng=nonsense");
  EXPECT_EQ(send(*local_client_, std::move(local), "").string("name"), "local");

  const Answer out = browse("DELETE", "/session", cookie, {{kConsoleHeader, "work"}});
  EXPECT_EQ(out.status, 204);
  EXPECT_NE(out.headers.find("Set-Cookie")->find("Max-Age=0"), std::string::npos);
  EXPECT_EQ(browse("GET", "/session", cookie, {}).status, 401);
}

TEST_F(BrowserApi, AnyOfOnesSessionsCanBeEnded) {
  const std::string admin = administrator();
  const std::string other =
      call("POST", "/session", "", Object{{"name", "admin"}, {"password", "a longer password of admin"}})
          .string("token");
  const Answer listed = call("GET", "/sessions", admin);
  ASSERT_EQ(listed.status, 200) << listed.text;
  std::string id;
  for (const auto& one : *listed.body.find("items")->if_array())
    if (!*one.if_object()->find("current")->if_bool()) id = *one.if_object()->find("id")->if_string();
  EXPECT_EQ(call("DELETE", "/sessions/" + id, admin).status, 204);
  EXPECT_EQ(call("DELETE", "/sessions/" + id, admin).status, 404);
  EXPECT_EQ(call("GET", "/session", other).status, 401);
  EXPECT_EQ(call("GET", "/session", admin).status, 200);
}

}  // namespace
}  // namespace mifeng::rest
