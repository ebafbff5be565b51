// What stands in tables: the titles of columns, and the words in their cells.
#include "cli/language.h"

namespace mifeng::cli {
namespace {

constexpr Translation kTitles[] = {
    {"ACTION", "操作"},
    {"ACTOR", "操作者"},
    {"ADDRESS", "地址"},
    {"BY", "操作者"},
    {"CALLS", "调用次数"},
    {"CAUSE", "起因"},
    {"CONFIRMED", "已确认"},
    {"CONNECTED", "已连接"},
    {"CREATED", "创建时间"},
    {"DEPLOYMENT", "部署"},
    {"DEPLOYMENTS", "部署数"},
    {"DETAIL", "详情"},
    {"DIGEST", "摘要"},
    {"ENABLED", "启用"},
    {"ENDED", "结束时间"},
    {"ENTRIES", "记录数"},
    {"EXPIRES", "到期时间"},
    {"FINGERPRINT", "指纹"},
    {"FORWARD", "转发至"},
    {"FOUND", "现状"},
    {"FROM", "来源"},
    {"FUNCTION", "功能"},
    {"GRADE", "等级"},
    {"GRANTED", "授权时间"},
    {"HOLDER", "占用者"},
    {"ID", "标识"},
    {"INSTANCE", "实例"},
    {"INTACT", "完整"},
    {"KEY CHANGED", "密钥更换时间"},
    {"KIND", "种类"},
    {"LANGUAGE", "语言"},
    {"MODEL", "模型"},
    {"NAME", "名称"},
    {"NODES", "节点地址"},
    {"NOT AFTER", "失效时间"},
    {"NOT BEFORE", "生效时间"},
    {"OPEN", "免密钥"},
    {"OUTCOME", "结果"},
    {"PLATFORM", "平台"},
    {"PORT", "节点端口"},
    {"PREFIX", "访问前缀"},
    {"PROBLEM", "问题"},
    {"PURPOSE", "用途"},
    {"READY", "就绪"},
    {"REASON", "原因"},
    {"RESTARTS", "重启次数"},
    {"REVISION", "修订版本"},
    {"ROLES", "角色"},
    {"SEEN", "最近连接"},
    {"SEQ", "序号"},
    {"SERIAL", "快照序号"},
    {"SETTING", "设置"},
    {"SIGNED UP TO", "签名覆盖至"},
    {"SIZE", "大小"},
    {"SM3", "SM3 值"},
    {"STARTED", "启动时间"},
    {"STATE", "状态"},
    {"SUBJECT", "对象"},
    {"TELEPHONE", "电话"},
    {"TIME", "时间"},
    {"UNIT", "运行单元"},
    {"UNITS", "运行单元数"},
    {"VALUE", "值"},
    {"VENDOR", "生产方"},
    {"VERSION", "版本"},
    {"WAITING KEY", "待确认的密钥"},
    {"WANTED", "当前所需"},
    {"WHAT", "项目"},
    {"WHAT TO DO", "处理方法"},
};

// Members of objects that have one of a few words (spec/openapi.yaml), under those words.
constexpr Translation kWords[] = {
    {"true", "是"},
    {"false", "否"},
    // of a deployment, a unit
    {"pending", "等待"},
    {"waiting", "等待"},
    {"starting", "启动中"},
    {"running", "运行中"},
    {"ready", "就绪"},
    {"updating", "更新中"},
    {"degraded", "部分就绪"},
    {"failed", "失败"},
    {"missing", "不存在"},
    {"exited", "已结束"},
    {"stopping", "停止中"},
    {"stopped", "已停止"},
    {"deleting", "删除中"},
    // of a version
    {"submitted", "待接收"},
    {"accepted", "已接收"},
    {"refused", "已拒绝"},
    {"withdrawn", "已撤回"},
    // of a cluster
    {"unknown", "未知"},
    {"away", "失联"},
    // of a port
    {"free", "空闲"},
    {"used", "使用中"},
    {"used-by-others", "被其他程序占用"},
    {"reserved", "保留"},
    // of a key
    {"identity", "身份"},
    {"delivery", "交付"},
    {"output", "输出"},
    {"future", "待生效"},
    {"in-force", "生效"},
    {"retired", "已停用"},
    {"destroyed", "已销毁"},
    // of a gateway
    {"invited", "已邀请"},
    {"enrolled", "已加入"},
    {"revoked", "已吊销"},
    // whose port it is
    {"platform", "平台"},
    {"gateway", "网关"},
    {"registry", "镜像库"},
};

}  // namespace

std::span<const Translation> chinese_titles() { return kTitles; }
std::span<const Translation> chinese_words() { return kWords; }

}  // namespace mifeng::cli
