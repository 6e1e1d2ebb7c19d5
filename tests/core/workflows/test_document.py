import pytest

from spooled_lite.core.workflows import document
from spooled_lite.core.workflows.document import document_of, store_document
from spooled_lite.core.workflows.document_statements import BODY
from tests.core.job_stage import JobStage
from tests.core.workflows.runs import a_document, a_node


def test_an_equal_document_is_stored_once(stage: JobStage) -> None:
    first = stage.run(store_document, stage.org, a_document(a_node("a")))
    again = stage.run(store_document, stage.org, a_document(a_node("a")))
    other = stage.run(store_document, stage.org, a_document(a_node("b")))

    assert first == again != other


def test_a_document_comes_back_as_it_was_stored(stage: JobStage) -> None:
    stored = a_document(a_node("a", condition="input gt 1"), a_node("b", "a", signal=True))

    number = stage.run(store_document, stage.org, stored)

    assert stage.read(document_of, number) == stored


def test_documents_are_read_once_and_as_many_kept_as_there_is_room_for(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "_KEPT", document._KeptDocuments())
    documents = [a_document(a_node(f"kept{n}", description="x" * 300)) for n in range(4)]
    numbers = [stage.run(store_document, stage.org, each) for each in documents]
    size = len(stage.read(lambda tx: tx.value(BODY, {"seq": numbers[0]}) or b""))
    monkeypatch.setattr(document, "KEPT_BYTES_MAX", 3 * size)

    def look(number: int) -> object:
        return stage.read(lambda tx: document_of(tx, number))

    first = look(numbers[0])
    assert look(numbers[0]) is first
    for number in numbers:  # the fourth has no room beside the others
        look(number)
    assert look(numbers[3]) is look(numbers[3])
    assert look(numbers[0]) is not first


def test_what_a_run_reads_is_of_its_own_file(stage: JobStage) -> None:
    other = JobStage()
    mine, theirs = a_document(a_node("mine")), a_document(a_node("theirs"))

    number = stage.run(store_document, stage.org, mine)
    assert other.run(store_document, other.org, theirs) == number

    assert (stage.read(document_of, number), other.read(document_of, number)) == (mine, theirs)
    other.close()
