// What --help shows of the commands that need no platform, in the order of --help.
#include "cli/language.h"

namespace mifeng::cli {
namespace {

constexpr Translation kHelp[] = {
    {"Usage", "用法"},
    {"OPTIONS", "选项"},
    {"Options", "选项"},
    {"Positionals", "参数"},
    {"SUBCOMMAND", "子命令"},
    {"Subcommands", "子命令"},
    {"REQUIRED", "必填"},
    {"Env", "环境变量"},
    {"TEXT", "文本"},
    {"INT", "整数"},
    {"Examples:", "示例："},
    {"Seals models, hands them over, and runs them: the tool for vendors and operators.",
     "密封：加密、交付并运行模型，供模型生产方与模型管理方使用。"},
    {"how to use this, with examples", "用法说明与示例"},
    {"print the version", "显示版本"},
    // the platform, output
    {"address: http://HOST:PORT, https://HOST:PORT or unix:/PATH",
     "平台地址：http://HOST:PORT、https://HOST:PORT 或 unix:/PATH"},
    {"certificate (PEM) to trust for https", "https 所信任的证书（PEM）"},
    {"SM3 of the platform's certificate, instead of --ca", "平台证书的 SM3 值，用来代替 --ca"},
    {"file with an API token, instead of `mifeng login`", "存放 API 令牌的文件，用来代替 `mifeng login`"},
    {"how to print it", "输出格式"},
    {"file; else standard output", "输出文件；默认标准输出"},
    {"file; else standard input", "输入文件；默认标准输入"},
    // init, pack, inspect, verify
    {"Begin a model project that packs as it stands", "新建一个可以直接打包的模型工程"},
    {"a new folder; default the current one", "新文件夹；默认当前文件夹"},
    {"python, cpp, or another that has a pack; default python", "python、cpp 或其他有打包器的语言；默认 python"},
    {"of the model; default the folder's", "模型名称；默认取文件夹名"},
    {"the id that you go by at your customers'", "贵方在客户处使用的生产方标识"},
    {"folder of the language packs", "语言打包器所在的文件夹"},
    {"Build a model, seal it for a platform and write a .mfpkg", "构建模型，为平台加密，生成 .mfpkg 模型包"},
    {"the folder of mifeng.yaml; default the current one", "mifeng.yaml 所在的文件夹；默认当前文件夹"},
    {"platform card to seal for (file); again for more", "接收平台的平台名片（文件）；可重复"},
    {"the vendor's private key (PEM file)", "生产方的私钥（PEM 文件）"},
    {"the package; default FOLDER/FOLDER.mfpkg", "模型包；默认 FOLDER/FOLDER.mfpkg"},
    {"also where nothing has changed since the package was made", "即使自上次打包以来没有变化也重新打包"},
    {"image to build on, oci:FOLDER[:TAG] or docker-archive:FILE; default `base` of mifeng.yaml, else Debian packages",
     "基础镜像：oci:FOLDER[:TAG] 或 docker-archive:FILE；默认取 mifeng.yaml 的 `base`，否则由 Debian 软件包制作"},
    {"folder of the guards' image", "守护程序镜像所在的文件夹"},
    {"folder for base images, dependencies and finished layers", "缓存基础镜像、依赖和镜像层的文件夹"},
    {"Show what a file is, without any key", "不用密钥查看文件的内容概要"},
    {"  mifeng inspect model.sealed\n"
     "  mifeng inspect -o json < model.sealed\n\n"
     "What it shows is not verified: `mifeng open` proves who sealed a stream and for whom, `mifeng verify` a "
     "package.",
     "  mifeng inspect model.sealed\n"
     "  mifeng inspect -o json < model.sealed\n\n"
     "所显示的内容未经验证：`mifeng open` 验证加密流的来源与接收者，`mifeng verify` 验证模型包。"},
    {"Check a package: its signature and every digest", "验证模型包：签名与全部摘要"},
    {"the .mfpkg", ".mfpkg 模型包"},
    {"the vendor's public key (PEM file), as you know it to be his", "生产方的公钥（PEM 文件），须已确认属于该生产方"},
    {"  mifeng verify digits.mfpkg --vendor acme.pub\n\n"
     "Exit status 6 where anything does not fit. Whether the payload was sealed for this vendor, model and "
     "version is\n"
     "checked by the platform, which alone can open its header.",
     "  mifeng verify digits.mfpkg --vendor acme.pub\n\n"
     "任何一处不符，退出码为 6。载荷是否为该生产方、模型和版本加密，由平台检查，只有平台能打开其头部。"},
    // key
    {"SM2 key pairs of your own in files, and those of a platform", "SM2 密钥对：自己的（文件）和平台的"},
    {"  mifeng key generate --output-file vendor.pem --public vendor.pub.pem\n"
     "  mifeng key fingerprint vendor.pub.pem      to compare by telephone\n"
     "  openssl pkey -in vendor.pem -text -noout   the files are ordinary PKCS#8 and SPKI PEM",
     "  mifeng key generate --output-file vendor.pem --public vendor.pub.pem\n"
     "  mifeng key fingerprint vendor.pub.pem      通过电话核对\n"
     "  openssl pkey -in vendor.pem -text -noout   文件是普通的 PKCS#8 与 SPKI PEM"},
    {"Make a key pair", "生成密钥对"},
    {"file for the private key (mode 0600); else standard output", "存放私钥的文件（权限 0600）；默认标准输出"},
    {"file for the public key", "存放公钥的文件"},
    {"overwrite existing files", "覆盖已有文件"},
    {"Print the public key (SPKI PEM) of a private key", "输出私钥对应的公钥（SPKI PEM）"},
    {"a private or public key (PEM)", "私钥或公钥（PEM）"},
    {"Print a key's fingerprint: SM3 of its point, in groups", "输出密钥指纹：公钥点的 SM3 值，分组显示"},
    {"The platform card, for vendors and their `mifeng pack --for`", "平台名片，供生产方 `mifeng pack --for` 使用"},
    {"The platform's key pairs; public halves only", "平台的密钥对；只列公钥"},
    {"Make the platform a new key pair", "为平台更换密钥对"},
    {"of the key", "密钥用途"},
    {"  mifeng key rotate output       answers are sealed to a new key\n"
     "  mifeng key rotate delivery     vendors need the new card: mifeng key export\n"
     "  mifeng key rotate identity     the old key signs for the new one; compare fingerprints",
     "  mifeng key rotate output       模型输出改用新密钥加密\n"
     "  mifeng key rotate delivery     生产方需要新的平台名片：mifeng key export\n"
     "  mifeng key rotate identity     旧密钥为新密钥签名；请核对指纹"},
    {"End a running instance: its keys count no more, gateways drop it",
     "吊销运行中的实例：其密钥作废，网关不再转发给它"},
    {"id, as `mifeng get instances` shows it", "实例标识，见 `mifeng get instances`"},
    {"for the audit log", "原因，记入审计日志"},
    // seal, open
    {"Encrypt a stream to public keys, and sign it", "用公钥加密数据流并签名"},
    {"what the stream is", "数据流的种类"},
    {"public key (PEM) of a recipient; again for each, up to 16", "接收者的公钥（PEM）；可重复，最多 16 个"},
    {"private key (PEM) to sign with", "用于签名的私钥（PEM）"},
    {"what both ends know: needed again to open it", "双方都知道的上下文：打开时同样需要"},
    {"segments of 2^E bytes", "每段 2^E 字节"},
    {"Verify and decrypt a sealed stream", "验证并解密加密流"},
    {"private key (PEM) of a recipient", "接收者的私钥（PEM）"},
    {"refuse any other kind", "拒绝其他种类"},
    {"public key (PEM): a signature must be this key's", "公钥（PEM）：签名必须出自该密钥"},
    {"refuse a stream that is not signed", "拒绝没有签名的数据流"},
    {"the context that it was sealed under", "加密时使用的上下文"},
    {"file, which appears only when all of it has verified; else standard output",
     "输出文件，全部验证通过后才出现；默认标准输出"},
    // help, version
    {"What --help shows, of a command or of all", "显示命令的用法，与 --help 相同"},
    {"which; else what commands there are", "哪个命令；默认列出所有命令"},
    {"Print the version", "显示版本号"},
    // up, doctor, settings, completion
    {"Run a whole installation on this machine, with the example models", "在本机运行整套系统，并部署示例模型"},
    {"folder of all that is kept; default /var/lib/mifeng for root", "数据文件夹；root 默认 /var/lib/mifeng"},
    {"folder of the language packs; default the one beside this program", "语言打包器文件夹；默认在本程序旁边"},
    {"folder of the guards' image; default the one beside this program",
     "守护程序镜像所在的文件夹；默认为本程序旁的那个"},
    {"call every example, print one line of JSON, and take all down again",
     "调用每个示例，输出一行 JSON，然后全部停止"},
    {"folder of model projects to deploy; `none` for none", "要部署的模型工程所在的文件夹；`none` 为不部署"},
    {"of the examples, the folder with this name; again for more", "只部署该名称的示例；可重复"},
    {"file of the master key; default below ~/.config/mifeng", "主密钥文件；默认在 ~/.config/mifeng 下"},
    {"folder that packing keeps base images and builds in", "打包时缓存基础镜像与构建结果的文件夹"},
    {"of a deployment: also the volumes that its config claims, where no other deployment uses them",
     "删除部署时，连同其配置所声明的数据卷一并删除（仍被其他部署使用的除外）"},
    {"port of the image registry on 127.0.0.1", "镜像仓库在 127.0.0.1 上的端口"},
    {"port of the platform (REST API) on 127.0.0.1", "平台（REST API）在 127.0.0.1 上的端口"},
    {"port of the gateway on 127.0.0.1", "网关在 127.0.0.1 上的端口"},
    {"seconds until a model that does not renew is delisted; default 300", "模型不续约多少秒后被摘除；默认 300"},
    {"FIRST-LAST: node ports of a new installation; default 30000-32767",
     "FIRST-LAST：新安装的节点端口范围；默认 30000-32767"},
    {"longest pause, in seconds, before a program that keeps ending is started again; default 10",
     "反复退出的程序再次启动前最长等待多少秒；默认 10"},
    {"seconds that the gateway goes on without the platform; default 86400",
     "平台不可用时网关继续工作的秒数；默认 86400"},
    {"  sudo mifeng up                          until Ctrl-C\n"
     "  sudo mifeng up --once                   exit status 0 only if every answer was right\n"
     "  sudo mifeng up --data /srv/mifeng --examples none",
     "  sudo mifeng up                          按 Ctrl-C 停止\n"
     "  sudo mifeng up --once                   全部答案正确时退出码才为 0\n"
     "  sudo mifeng up --data /srv/mifeng --examples none"},
    {"Say what this machine lacks for `mifeng up`, and how to get it",
     "检查本机运行 `mifeng up` 还缺什么，以及如何安装"},
    {"  mifeng doctor                           exit status 1 if something is missing",
     "  mifeng doctor                           有缺失时退出码为 1"},
    {"Show the settings in force, and where each of them comes from", "查看生效的设置及其来源"},
    {"folder of all that `mifeng up` keeps", "`mifeng up` 的数据文件夹"},
    {"  mifeng settings\n\n"
     "A flag beats MIFENG_<SETTING>, which beats `defaults` in ./mifeng.yaml, which beats\n"
     "~/.config/mifeng/config.yaml (mode 0600), which beats /etc/mifeng/config.yaml.",
     "  mifeng settings\n\n"
     "优先顺序：命令行选项、MIFENG_<设置名>、./mifeng.yaml 的 `defaults`、\n"
     "~/.config/mifeng/config.yaml（权限 0600）、/etc/mifeng/config.yaml。"},
    {"Print what a shell needs to complete mifeng's commands", "输出命令补全脚本"},
    {"for which shell", "使用的 shell"},
};

}  // namespace

std::span<const Translation> chinese_help() { return kHelp; }

}  // namespace mifeng::cli
