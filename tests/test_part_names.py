"""The words for train, val and test, in many languages and forms."""

import pytest

from tlkit.folders.part_names import part_of

NAMES = {
    "train": """train Train TRAIN training Training trainset train_set training_set train_images train_data images_train
        trainingImages seg_train flowers-train train2017 01_train trainval Trainingsdaten entrainement entraînement
        apprentissage entrenamiento treino treinamento addestramento huấn_luyện huan_luyen HuanLuyen tap_huan_luyen
        đào_tạo 训练 训练集 訓練データ 学習用 훈련 обучение тренировка eğitim trening träning latih""",
    "val": """val Val VALID validation valid_set val2017 dev eval holdout hold-out Validierung validación validação
        validazione validatie kiểm_định kiem_dinh 验证 验证集 検証 검증 валидация doğrulama cross_validation""",
    "test": """test Test TESTING testset test_images test1 tst img_test prueba pruebas teste kiểm_tra kiem_tra 测试
        测试集 テスト 테스트 тест тестирование uji held_out PublicTest""",
}


@pytest.mark.parametrize("part, name", [(part, name) for part, names in NAMES.items() for name in names.split()])
def test_parts_are_known_by_their_names(part, name):
    assert part_of(name) == part


@pytest.mark.parametrize(
    "name", ["cat", "trainer", "contest", "testament", "valley", "strain", "rain", "train_test_split"]
)
def test_other_names_are_of_no_part(name):
    assert part_of(name) is None
