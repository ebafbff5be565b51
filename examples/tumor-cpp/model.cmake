# What the model links beside the pack's server.
target_link_libraries(model PRIVATE xgboost)
