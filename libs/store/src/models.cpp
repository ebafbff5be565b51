#include "mifeng/store/models.h"

namespace mifeng::store {
namespace {

// Collects "a AND b" with its parameters.
class Where {
 public:
  void part(const char* column, const std::string& text) {
    if (text.empty()) return;
    add("lower(" + std::string(column) + ") LIKE :p" + std::to_string(params_.size()) + " ESCAPE '!'");
    params_.emplace_back(like_part(text));
  }
  void whole(const char* column, const std::string& text) {
    if (text.empty()) return;
    add(std::string(column) + " = :p" + std::to_string(params_.size()));
    params_.emplace_back(text);
  }
  void any_part(std::initializer_list<const char*> columns, const std::string& text) {
    if (text.empty()) return;
    std::string clause;
    for (const char* column : columns) {
      if (!clause.empty()) clause += " OR ";
      clause += "lower(" + std::string(column) + ") LIKE :p" + std::to_string(params_.size()) + " ESCAPE '!'";
      params_.emplace_back(like_part(text));
    }
    add("(" + clause + ")");
  }
  // What a version of this vendor names.
  void used_by(const char* column, const char* model_column, const std::string& vendor_id) {
    if (vendor_id.empty()) return;
    add(std::string(column) + " IN (SELECT " + model_column + " FROM model_information WHERE vendor_id = :p" +
        std::to_string(params_.size()) + ")");
    params_.emplace_back(vendor_id);
  }
  // By any version: not what is on its way out of the library.
  void used(const char* column, const char* model_column) {
    add(std::string(column) + " IN (SELECT " + model_column + " FROM model_information)");
  }
  const std::string& text() const { return text_; }
  const std::vector<Param>& params() const { return params_; }

 private:
  void add(const std::string& clause) { text_ += (text_.empty() ? "WHERE " : " AND ") + clause; }
  std::string text_;
  std::vector<Param> params_;
};

}  // namespace

Result<Slice<ModelRow>> search_models(Transaction& tx, const ModelFilter& filter, const Window& window) {
  Where where;
  where.any_part({"name", "function", "vendor_name"}, filter.text);
  where.part("name", filter.name);
  where.part("function", filter.function);
  where.whole("language", filter.language);
  where.whole("vendor_id", filter.vendor_id);
  where.whole("state", filter.state);
  return select_slice<ModelRow>(tx, where.text(), where.params(), "name, vendor_id, submitted_ms DESC, id", window);
}

Result<std::optional<ModelRow>> model_by_version(Transaction& tx, const std::string& vendor_id, const std::string& name,
                                                 const std::string& version) {
  return select_one<ModelRow>(tx, "WHERE vendor_id = :vendor AND name = :name AND version = :version",
                              {vendor_id, name, version});
}

Result<std::vector<DocumentRow>> documents_of(Transaction& tx, const std::string& model_id) {
  std::vector<DocumentRow> rows;
  DocumentRow row;
  MIFENG_CHECK(
      run_sql(tx, "SELECT model_id, kind, sm3, size FROM model_documents WHERE model_id = :model ORDER BY kind",
              {model_id}, {Target(&row.model_id), detail::target_of(row.kind), Target(&row.sm3), Target(&row.size)},
              [&] { rows.push_back(row); }));
  return rows;
}

Result<void> erase_documents(Transaction& tx, const std::string& model_id) {
  MIFENG_CHECK(run_sql(tx, "DELETE FROM model_documents WHERE model_id = :model", {model_id}));
  return ok();
}

Result<std::int64_t> models_with_config(Transaction& tx, const std::string& sm3) {
  return count_rows(tx, "model_information", "WHERE config_sm3 = :sm3", {sm3});
}

Result<std::int64_t> models_with_image(Transaction& tx, const std::string& address) {
  return count_rows(tx, "model_information", "WHERE image_address = :address", {address});
}

Result<std::vector<ImageRow>> unused_images(Transaction& tx) {
  // A deployment's version cannot be erased (FOREIGN KEY), so what a deployment runs is named by a version.
  return select<ImageRow>(tx, "WHERE address NOT IN (SELECT image_address FROM model_information) ORDER BY address",
                          {});
}

Result<bool> vendor_has_config(Transaction& tx, const std::string& vendor_id, const std::string& sm3) {
  MIFENG_TRY(const auto count,
             count_rows(tx, "model_information", "WHERE vendor_id = :vendor AND config_sm3 = :sm3", {vendor_id, sm3}));
  return count > 0;
}

Result<std::int64_t> image_bytes_of_vendor(Transaction& tx, const std::string& vendor_id) {
  std::int64_t bytes = 0;
  MIFENG_CHECK(run_sql(tx,
                       "SELECT COALESCE(SUM(size), 0) FROM image_library WHERE address IN (SELECT image_address FROM "
                       "model_information WHERE vendor_id = :vendor AND state <> 'refused')",
                       {vendor_id}, {Target(&bytes)}));
  return bytes;
}

Result<std::int64_t> models_of_vendor(Transaction& tx, const std::string& vendor_id) {
  return count_rows(tx, "model_information", "WHERE vendor_id = :vendor", {vendor_id});
}

Result<std::int64_t> models_sealed_to(Transaction& tx, const std::string& delivery_key_id) {
  return count_rows(tx, "model_information", "WHERE delivery_key_id = :key AND state <> 'refused'", {delivery_key_id});
}

Result<Slice<VendorRow>> search_vendors(Transaction& tx, const std::string& text, const std::string& only_id,
                                        const Window& window) {
  Where where;
  where.any_part({"id", "name", "business"}, text);
  where.whole("id", only_id);
  return select_slice<VendorRow>(tx, where.text(), where.params(), "id", window);
}

Result<Slice<ConfigRow>> config_slice(Transaction& tx, const std::string& only_vendor, const Window& window) {
  Where where;
  where.used_by("sm3", "config_sm3", only_vendor);
  return select_slice<ConfigRow>(tx, where.text(), where.params(), "created_ms DESC, sm3", window);
}

Result<Slice<ImageRow>> image_slice(Transaction& tx, const std::string& text, const std::string& only_vendor,
                                    const Window& window) {
  Where where;
  where.any_part({"name", "digest"}, text);
  where.used_by("address", "image_address", only_vendor);
  where.used("address", "image_address");
  return select_slice<ImageRow>(tx, where.text(), where.params(), "name, created_ms DESC, address", window);
}

Result<std::vector<UploadRow>> uploads_expired(Transaction& tx, std::int64_t now_ms) {
  return select<UploadRow>(tx, "WHERE expires_ms <= :now ORDER BY id", {now_ms});
}

}  // namespace mifeng::store
