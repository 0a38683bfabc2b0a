"""The names that people give to the parts of a set, train, val and test, in many languages."""

import re
import unicodedata

__all__: list[str] = []

PARTS = ("train", "val", "test")

# Words without accents, in small letters. Those of two words are written as one: "huan luyen".
_WORDS = {
    "train": """train training trainings trn treino treinamento treinar entrenamiento entreno
        entrenar entrainement entrainements apprentissage addestramento allenamento trainieren lernen lerndaten
        trening treningowy treningowe uczacy traning traening opplaering oefenen koulutus opetus trenink trenovaci
        trenovanie tanito antrenare egitim latih latihan pelatihan huanluyen daotao обучение обучающая обучающий
        тренировка тренировочная трейн навчання тренування εκπαιδευση تدريب آموزش אימון""",
    "val": """val vals valid validation validations validate validating dev devel development eval evaluation
        evaluate evaluating holdout validierung validierungs validacion validacao validazione convalida validatie
        valideren walidacja walidacyjny validering validointi validacni validace validacia validalas validare
        dogrulama validasi kiemdinh xacthuc xacnhan danhgia валидация валидационная валидационный проверка
        перевірка валідація επικυρωση تحقق אימות""",
    "test": """test tests testing tst heldout teste testes testar prueba pruebas ensayo prova essai
        essais testen testowy testowe testowa testovaci testovani testeles teszt testare testi uji pengujian
        kiemtra thunghiem kiemthu тест тесты тестовая тестовый тестирование тестування δοκιμη اختبار آزمون מבחן""",
}
_PART_OF = {word: part for part, words in _WORDS.items() for word in words.split()}
# Scripts that put no blanks between words: these stand anywhere in a name.
_INSIDE = {
    "train": ("训练", "訓練", "学习", "學習", "学習", "훈련", "학습", "トレーニング", "ฝึก", "प्रशिक्षण"),
    "val": ("验证", "驗證", "検証", "검증", "バリデーション", "सत्यापन"),
    "test": ("测试", "測試", "テスト", "테스트", "시험", "試験", "ทดสอบ", "परीक्षण"),
}
_STUCK = ("sets", "set", "data", "dataset", "images", "image", "imgs", "img", "pics", "photos", "pictures", "samples")
_STUCK += ("daten", "bilder", "satz", "menge", "fotos", "imagenes", "imagens")
# What may lie beside the parts: none of them is a part, and none is a class.
_BESIDE = set(
    str.split("""
    pred preds predict prediction predictions unlabeled unlabelled unlabel unsup unsupervised extra extras new
    annotation annotations label labels mask masks segmentation segmentations groundtruth bbox bboxes xml json
    sample samples submission submissions inference demo unknown images image imgs img pictures photos
    """)
)


def _words(name: str) -> list[str]:
    """The words of a name, in small letters without accents; CamelCase and digits part them."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFC", name))
    flat = unicodedata.normalize("NFKD", name.casefold().replace("đ", "d").replace("ı", "i").replace("æ", "ae"))
    flat = "".join(letter for letter in flat if not unicodedata.combining(letter) or ord(letter) > 0x36F)
    return re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", flat.replace("ł", "l").replace("ø", "o")))


def part_of(name: str) -> str | None:
    """The part that a folder, file or cell is named after: "train", "val", "test", or None.

    "trainval" is for training; a name that has words of train and of test belongs to neither.
    """
    words = _words(name)
    forms = [*words, *(first + second for first, second in zip(words, words[1:]))]
    found = {_PART_OF[form] for form in map(_bare, forms) if form in _PART_OF}
    composed = unicodedata.normalize("NFC", name)
    found |= {part for part, inside in _INSIDE.items() if any(word in composed for word in inside)}
    if found == {"train", "val"} or "trainval" in words:
        return "train"
    return found.pop() if len(found) == 1 else None


def _bare(word: str) -> str:
    """A word without what is often stuck to it: "trainset", "imagestrain"."""
    if word in _PART_OF:
        return word
    for more in _STUCK:
        for rest in (word.removesuffix(more), word.removeprefix(more)):
            if rest != word and rest in _PART_OF:
                return rest
    return word


def is_bare(name: str) -> bool:
    """Whether a name says nothing but a part: "Test", "test_images", and not "test tube"."""
    words = _words(name)
    return part_of(name) is not None and (
        all(word in _STUCK or _bare(word) in _PART_OF for word in words) or "".join(words) in _PART_OF
    )


def is_beside(name: str) -> bool:
    """Whether a name is of what often lies beside the parts: predictions, masks, pictures without labels."""
    words = _words(name)
    return bool(words) and any(word in _BESIDE for word in [*words, "".join(words)])


def says_no_class(name: str) -> bool:
    """Whether a name is of pictures without labels, or of somebody's answers."""
    beginnings = ("unlabel", "unsup", "predict", "submission")
    return any(word.startswith(beginnings) or word == "pred" for word in _words(name))
