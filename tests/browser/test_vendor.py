"""The vendor's way: a key that is confirmed by telephone, a package that is looked into before it is sent."""
import pathlib
import re

import pytest
from conftest import change_password
from installation import wait_until

PIECE = re.compile(r"/api/v1/uploads/[^/]+\?offset=")


@pytest.fixture(scope="module")
def packer(installation, people):
    """Somebody of the vendor whose package the installation has."""
    vendor = installation.api("GET", "/models")["items"][0]["vendor_id"]
    made = installation.api("POST", "/people", {"name": "packer", "display_name": "张工", "roles": ["vendor"],
                                                "vendor_id": vendor})
    change_password(installation, made)
    return "packer"


def test_a_key_is_confirmed_by_telephone(installation, people, console, tmp_path):
    installation.mifeng("key", "generate", "--output-file", tmp_path / "v.pem", "--public", tmp_path / "v.pub.pem")
    vendor, administrator = console("zh"), console("zh")
    vendor.sign_in(people["vendor"])
    vendor.open("/vendors/greenfield")
    vendor.page.click("button:has-text('签名密钥…')")
    vendor.page.fill("#pem", (tmp_path / "v.pub.pem").read_text())
    vendor.page.click("dialog button[type=submit]")
    # She reads it out from her page ...
    vendor.page.wait_for_selector("text=请把下面的指纹逐组念给对方")
    groups = installation.mifeng("key", "fingerprint", tmp_path / "v.pub.pem").stdout.split()
    assert len(groups) == 16 and all(len(group) == 4 for group in groups)
    # Another key may have waited there before.
    wait_until(lambda: vendor.page.locator(".fingerprint span").all_inner_texts() == groups, 30, "the fingerprint of this key")
    # ... and it is typed on one that does not show it.
    administrator.sign_in(people["administrator"])
    administrator.page.click("text=绿野科技")
    administrator.page.wait_for_selector("text=0571-5550-0100")
    assert all(group not in administrator.page.inner_text("main") for group in groups)
    boxes = administrator.page.locator(".fingerprint input")
    act = administrator.page.locator("button:has-text('确认密钥')")
    boxes.nth(0).fill(groups[0])
    boxes.nth(1).fill("0000" if groups[1] != "0000" else "1111")
    administrator.page.wait_for_selector("text=第 2 组不符")
    assert act.is_disabled()
    boxes.nth(1).fill("")
    # Pasting fills all that follow.
    boxes.nth(1).fill(" ".join(groups[1:]))
    administrator.page.wait_for_selector("text=16 组都相符")
    act.click()
    administrator.page.wait_for_url("**/vendors/greenfield")
    # Her page turns by itself.
    vendor.page.wait_for_selector(".head .state.ready:has-text('已确认')")
    assert installation.api("GET", "/vendors/greenfield")["confirmed"] is True


def test_a_package_is_looked_into_and_sent(installation, packer, console, tmp_path):
    package = next(pathlib.Path(installation.data / "packages").glob("*.mfpkg"))
    vendor = console("zh")
    page = vendor.page
    vendor.sign_in(packer)
    page.wait_for_url("**/submit")
    nonsense = tmp_path / "holiday.mfpkg"
    nonsense.write_bytes(b"\x89PNG" * 5000)
    page.set_input_files("input[type=file]", [package, nonsense])
    page.wait_for_selector("text=文件所说（未验证）")
    page.wait_for_selector("text=这不是模型包")
    page.click("button:has-text('上传并提交 2 个')")
    page.wait_for_selector(f"section[aria-label='{package.name}'] >> text=已提交", timeout=60_000)
    page.wait_for_selector("section[aria-label='holiday.mfpkg'] >> text=没有提交")
    vendor.settle()
    vendor.picture("submit")
    # What was refused says why, in words; what was taken is a link away.
    assert page.inner_text("section[aria-label='holiday.mfpkg'] .failure").strip()
    page.click(f"section[aria-label='{package.name}'] >> text=查看")
    page.wait_for_selector("text=为本平台密封")
    # Her vendor's versions, and no act of an operator.
    assert page.locator("button:has-text('拒收')").count() == 0


def test_an_upload_goes_on_after_the_page_was_closed(installation, packer, console):
    package = next(pathlib.Path(installation.data / "packages").glob("*.mfpkg"))
    vendor = console("zh")
    page = vendor.page
    vendor.sign_in(packer)
    page.wait_for_url("**/submit")
    page.wait_for_selector(".drop")
    # The line breaks after the first answer, and stays away.
    page.route(PIECE, lambda route: route.abort())
    page.set_input_files("input[type=file]", package)
    page.click("button:has-text('上传并提交')")
    page.wait_for_selector(".bar")
    page.goto("about:blank")
    page.unroute(PIECE)
    vendor.open("/submit")
    page.wait_for_selector("text=选择同一文件继续")
    page.set_input_files("input[type=file]", package)
    page.click("button:has-text('上传并提交')")
    page.wait_for_selector(f"section[aria-label='{package.name}'] >> text=已提交", timeout=60_000)
