"""Documents inside messages: RTF, HTML, CDA, MIME, plain text, and what is none of them."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.decode.documents import (
    MAX_BYTES,
    Extract,
    from_base64,
    from_hex,
    markup,
    read_document,
    read_html,
    rtf,
    rtf_to_text,
)

SECTION = (
    "<component><section><title>{title}</title><text>{text}</text>"
    "<entry><observation><text>coded</text></observation></entry></section></component>"
)


def cda(*sections: tuple[str, str], extra: str = "") -> bytes:
    body = "".join(SECTION.format(title=title, text=text) for title, text in sections)
    return (
        f'<?xml version="1.0"?>{extra}<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Header</title>'
        f"<component><structuredBody>{body}</structuredBody></component></ClinicalDocument>"
    ).encode()


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a<br><br>b", "a\n\nb"),
        ("<p>a</p><br><p>b</p>", "a\n\nb"),
        ("<p>a</p><p>&nbsp;</p><p>b</p>", "a\n\nb"),
        ("<p>No fever,\n  no rash</p>", "No fever, no rash"),
        ("<pre>a\n\nb  c</pre>d", "a\n\nb  c\nd"),
        ("<ul><li>Fever<li><p>Pain</p></ul>end", "- Fever\n- Pain\nend"),
        ("<table><tr><th>Neck stiffness<td>No<tr><th>Rash<td>Yes</table>", "Neck stiffness: No\nRash: Yes"),
        ("<table><tr><td><p>Neck</p></td><td><p>No</p><p>soft</p></td></tr></table>", "Neck: No\nsoft"),
        (
            "<table><tr><td><table><tr><td>No fever</td></tr></table></td><td>Pain</td></tr></table>",
            "No fever\nPain",
        ),
        ("<table><tr><td>Rash?<td>No<td><td>Pain<td>7</table>", "Rash? No; Pain; 7"),
        ("<tr><td>Neck</td><td>No</td></tr>", "Neck: No"),
        ("<div hidden>gone</div><p style='display: none'>gone</p><del>gone</del>stays", "stays"),
        ("<!-- gone -->stays<![CDATA[x", "stays"),
        ("Temp < 38 &amp; falling", "Temp < 38 & falling"),
        ("<body>a<script>if (a < b) {</script>b</body>", "ab"),
        ("a\x00b", "ab"),
        ("leg weak&shy;ness, neck sti&#xFB00;ness, sad&#8203;dle", "leg weakness, neck stiffness, saddle"),
        ("<s>gone</s><strike>gone</strike><i style='text-decoration: line-through'>gone</i>stays", "stays"),
        ("<p style='visibility:hidden'>gone</p>stays", "stays"),
        ("<input type=checkbox>Fever<br><INPUT TYPE=radio checked>Pain", "[ ] Fever\n[x] Pain"),
        ("Fever: <input value='since noon'><input type=hidden value=gone>", "Fever: since noon"),
        ("Pain: <textarea>in the\nback</textarea>", "Pain: in the back"),
        ("Rash: <select><option>No<option selected>Yes</select>", "Rash: Yes"),
        ("<details><summary>Neck</summary>Stiff</details>", "Neck\nStiff"),
    ],
)
def test_html_lines_are_what_a_person_sees_on_a_line(html: str, text: str) -> None:
    assert read_html(html).text == text


@pytest.mark.parametrize(
    "html", ["<div>" * 50_000, "<b>" * 50_000, "<div></b>" * 50_000, "<DIV \n>" * 300, "<rt>" * 300]
)
def test_html_that_is_nested_too_deeply_is_said_and_not_built(html: str) -> None:
    assert read_html(f"{html}Fever.") == Extract(problem="nested too deeply")


def test_lists_of_too_many_choices_are_said_and_not_built() -> None:
    assert read_html("<select>" + "<option selected>x" * 100_000) == Extract(problem="too long")


@pytest.mark.parametrize(
    "part",
    ["<!--", "<script", "<![", "<?", "</", "<a a=", "&#", "<p>", "<li>", "<td>", "<tr>", "<br/>", "<p/>"],
)
def test_html_that_only_begins_is_read_at_once(part: str) -> None:
    found = read_html("Fever." + part * 40_000)
    assert found.text.startswith("Fever.") or found.problem == "nested too deeply"


def test_of_html_with_elements_without_end_the_beginning_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markup, "MAX_NODES", 20)
    assert read_html("<p>Fever.</p>" * 50) == Extract(
        "\n".join(["Fever."] * 8), gap="rest of a long document"
    )
    assert read_html("<p></p>" * 50 + "Fever.") == Extract(problem="rest of a long document")


@given(st.text(alphabet="<>/!-abdiptrel =\"'&;\n", max_size=80))
def test_no_html_crashes(html: str) -> None:
    found = read_html(html)
    assert bool(found.text) != bool(found.problem)


@pytest.mark.parametrize(
    ("rtf", "text"),
    [
        (r"{\rtf1\trowd\intbl Temp\cell 38.5\cell\row\intbl Pain\cell 7\cell\row}", "Temp: 38.5\nPain: 7"),
        (r"{\rtf1 a{\v hidden}b\v hidden\v0 c{\deleted gone}d}", "abcd"),
        (r"{\rtf1\v a\plain b}", "b"),
        (r"{\rtf1 \u55357?\u56836? ok}", "\U0001f604 ok"),
        (r"{\rtf1 \u55357?x\u56836?y}", "\ufffdx\ufffdy"),
        (r"{\rtf1\ansicpg1251 \'e1\'ee\'eb\'fc}", "боль"),
        (r"{\rtf1\ansicpg932 \'93\'aa}", "頭"),
        (r"{\rtf1{\fonttbl{\f0 A;}{\f1\fcharset161 B;}}\f1\'f0\f0\'e9}", "πé"),
        (r"{\rtf1{\fonttbl{\f2\fcharset2 Symbol;}}{\pntext\f2\'b7\tab}Fever}", "•\tFever"),
        (r"{\rtf1\ansicpg99999 \'e9}", "é"),
        (r"{\rtf1{\pict\bin5 }}}}}}seen}", "seen"),
        (r"{\rtf1 a\bin99999999 b}", "a"),
        (r"{\rtf1{\field{\*\fldinst HYPERLINK}{\fldrslt shown}}}", "shown"),
        (r"{\rtf1 a\par\par b}", "a\n\nb"),
        (
            r"{\rtf1 a{\shp{\*\shpinst\shpleft0{\sp{\sn x}{\sv 1}}{\shptxt box{\*\x y}\par}}{\shprslt gone}}b}",
            "a\nbox\nb",
        ),
        (r"{\rtf1{\header{\shp{\*\shpinst{\shptxt letterhead}}}}a}", "a"),
        (r"{\rtf1 a{\strike gone}{\striked1 gone}{\deleted\strike0 gone}b\strike0 c}", "abc"),
    ],
)
def test_rtf_is_what_a_person_sees(rtf: str, text: str) -> None:
    assert rtf_to_text(rtf) == text


@pytest.mark.parametrize(
    "part", ["{", "}", "\\u1?", "\\'e9", "\\f1", "{\\field{\\*\\fldinst{", "\\bin1 ", "\\"]
)
def test_rtf_of_one_thing_again_and_again_is_read_in_one_pass(part: str) -> None:
    rtf_to_text("{\\rtf1{\\fonttbl " + part * 20_000)


def test_of_rtf_with_groups_without_end_the_beginning_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtf, "MAX_TOKENS", 5)
    assert read_document(rb"{\rtf1 Fever. {Rash.} {Pain.}") == Extract(
        "Fever. Rash.", gap="rest of a long document"
    )
    assert read_document(rb"{\rtf1" + b"{" * 20 + b"x") == Extract(problem="rest of a long document")


def test_rtf_without_words_is_said() -> None:
    assert read_document(rb"{\rtf1{\pict 0102}}") == Extract(problem="without text")


def test_cda_is_read_by_the_narrative_of_its_sections() -> None:
    exam = "<paragraph>Neck <content>stiff</content></paragraph><list><item>No fever</item></list>"
    table = "<table><tbody><tr><th>Rash</th><td>No</td></tr></tbody></table>a<br/>b"

    assert read_document(cda(("Exam", exam), ("Plan", table)), "xml").text == (
        "Exam\nNeck stiff\n- No fever\nPlan\nRash: No\na\nb"
    )


def test_cda_that_only_wraps_another_document_is_read_through() -> None:
    inner = base64.b64encode(rb"{\rtf1 Fever.}").decode()
    wrapped = (
        "<ClinicalDocument><component><nonXMLBody><text mediaType='application/rtf' representation='B64'>"
        f"{inner}</text></nonXMLBody></component></ClinicalDocument>"
    )
    assert read_document(wrapped.encode()) == Extract("Fever.")
    broken = wrapped.replace(inner, "%%%").encode()
    assert read_document(broken) == Extract(problem="broken encoding")
    pointer = wrapped.replace(inner, "<reference value='letter.rtf'/>").encode()
    assert read_document(pointer) == Extract(problem="content elsewhere")


def test_what_cda_calls_deleted_is_left_out() -> None:
    exam = "<paragraph>Neck <content revised='delete'>not <br/></content>stiff</paragraph>"
    assert read_document(cda(("Exam", exam))).text == "Exam\nNeck stiff"


def test_of_xml_that_ends_too_early_the_beginning_is_read() -> None:
    assert read_document(cda(("Exam", "Fever."))[:-20], "xml") == Extract("Exam\nFever.", gap="xml broken")


def test_xml_in_another_charset_than_it_says_is_guessed() -> None:
    content = cda(("Exam", "Patient’s neck is stiff.")).decode().encode("cp1252")
    assert read_document(content) == Extract("Exam\nPatient’s neck is stiff.", is_guessed=True)


def test_documents_that_wrap_each_other_end() -> None:
    content = b"Fever."
    for _ in range(5):
        inner = base64.b64encode(content).decode()
        content = (
            "<ClinicalDocument><component><nonXMLBody><text mediaType='text/xml' representation='B64'>"
            f"{inner}</text></nonXMLBody></component></ClinicalDocument>"
        ).encode()
    assert read_document(content) == Extract(problem="nested too deeply")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (cda(("Exam", "&a;"), extra='<!DOCTYPE x [<!ENTITY a "Fever">]>'), "xml with entities"),
        (b"<ClinicalDocument>" + b"<a>" * 100_000, "nested too deeply"),
        (cda()[:-20], "xml broken"),
        (b"<ClinicalDocument/>", "xml without text"),
        (b"<?xml version='1.0' encoding='nothing'?><a/>", "xml broken"),
    ],
)
def test_hostile_or_broken_xml_is_said(content: bytes, problem: str) -> None:
    assert read_document(content, "text/xml") == Extract(problem=problem)


def test_other_xml_is_read_by_its_character_data() -> None:
    assert read_document(b"<note><a>Fever.</a><b>No rash.</b></note>", "text/xml").text == "Fever.\nNo rash."


def test_of_the_parts_of_a_mime_message_the_first_with_text_is_read() -> None:
    rtf = base64.b64encode(rb"{\rtf1 Fever.}")
    message = (
        b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary="b"\r\n\r\n--b\r\nContent-Type: image/png\r\n\r\nx'
        b"\r\n--b\r\nContent-Type: application/rtf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + rtf
        + b"\r\n--b--\r\n"
    )
    assert read_document(message, "multipart") == Extract("Fever.")
    assert read_document(message.replace(rtf, b""), "multipart").problem == "png"
    assert read_document(message.replace(b"image/png", b"text/plain"), "").text == "x\nFever."
    assert read_document(message.replace(b"image/png", b"application/zip")) == Extract("Fever.", gap="zip")
    quoted = b"MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\nFever=20=3E 38"
    assert read_document(quoted) == Extract("Fever > 38")


def test_mime_inside_mime_is_read() -> None:
    inner = (
        b"Content-Type: multipart/alternative; boundary=i\r\n\r\n--i\r\n\r\nFever.\r\n"
        b"--i\r\nContent-Type: text/html\r\n\r\n<p>Fever.</p>\r\n--i--\r\n"
    )
    outer = b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n%b\r\n--o\r\n\r\nRash.\r\n--o--" % inner
    assert read_document(outer).text.split() == ["Fever.", "Rash."]


@pytest.mark.parametrize(
    ("content", "stated", "text"),
    [
        ("38°".encode("utf-16-le"), "text/plain", "38°"),
        ("Fever".encode("utf-16-be"), "TX", "Fever"),
        (b"Fever.\x00\x00", "TX", "Fever."),
        ("Neck sti\ufb00, weak\u00adness".encode(), "TX", "Neck stiff, weakness"),
        (b"\xef\xbb\xbf{\\rtf1 Fever.}", "", "Fever."),
        (b"<!DOCTYPE html><p>No fever<p>Pain", "text/plain", "No fever\nPain"),
        (b"<!DOCTYPE html><p>Fever.", "application/xhtml", "Fever."),
        (b"<!-- x --><HTML><p>No fever<p>Pain", "", "No fever\nPain"),
        (b"<p>No\nfever</p><p>Pain</p>", "TX", "No fever\nPain"),
        (b"No <b>fever</b>\nPain<br>Rash", "text/plain", "No fever\nPain\nRash"),
        (b"Temp <38, GCS > 14 <none>", "text/plain", "Temp <38, GCS > 14 <none>"),
        (b"<!-- x -->" + cda(("Exam", "Fever."))[21:], "", "Exam\nFever."),
        ("38°".encode("utf-16"), "text/plain", "38°"),
        ("38°".encode("iso-8859-1"), "text/plain; charset=ISO-8859-1", "38°"),
        (b"\xef\xbb\xbfFever", "", "Fever"),
        (b" {\\rtf1 Fever.}", "text/plain", "Fever."),
        (b"<?xml version='1.0'?><html xmlns='x'><p>Fever.</p></html>", "", "Fever."),
    ],
)
def test_what_the_bytes_are_counts_more_than_what_they_are_called(
    content: bytes, stated: str, text: str
) -> None:
    assert read_document(content, stated).text == text


@pytest.mark.parametrize(
    ("content", "stated", "problem"),
    [
        (b"\x89PNG", "image/png", "png"),
        (b"\x00", "", "unknown kind"),
        (b"x", "Invented Person", "unknown kind"),
        (b" \n", "text/plain", "without text"),
        (b"x" * (MAX_BYTES + 1), "text/plain", "too long"),
        (b"{\\rtf1 " + b"x" * MAX_BYTES, "", "too long"),
        (b"no rtf", "rtf", "broken"),
        (b"\x89PNG\r\n\x1a\n", "text/plain", "png"),
        (b"\xff\xd8\xff\xe0JFIF", "TX", "jpeg"),
        (b"II*\x00\x08", "txt", "tiff"),
        (b"PK\x03\x04word", "text/html", "zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "rtf", "msword"),
        (b"\x1f\x8b\x08Fever", "", "gzip"),
        (bytes(range(32)) * 9, "text/plain", "no text"),
    ],
)
def test_what_is_not_read_is_named_without_a_word_of_it(content: bytes, stated: str, problem: str) -> None:
    assert read_document(content, stated) == Extract(problem=problem)


def test_bytes_written_as_letters() -> None:
    assert from_base64("RmV2\r\nZXI") == b"Fever"
    assert from_base64("RmV2ZXI=") == b"Fever"
    assert from_base64(r"RmV2\.br\ZXI=") == b"Fever"
    assert from_base64("é") is None
    assert from_hex("46 65") == b"Fe"
    assert from_hex("4") is None


@given(st.binary(max_size=60), st.sampled_from(["", "rtf", "text/html", "xml", "multipart", "pdf", "txt"]))
def test_no_bytes_crash_a_reader(content: bytes, stated: str) -> None:
    found = read_document(content, stated)
    assert bool(found.text) != bool(found.problem)
