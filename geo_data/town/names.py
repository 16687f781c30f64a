"""What things are called in the made-up town: Chinese names with their English readings.

Words are common street and village words, none of a real county. E-W streets are 街, N-S streets 路, as in Shanxi.
English is pinyin plus a translated kind: 人民东街 is "Renmin East Street".
"""

from typing import Final

import numpy as np

Word = tuple[str, str]
"""A Chinese word and its pinyin."""


def _words(text: str) -> list[Word]:
    """Read ``zh pinyin`` pairs separated by commas."""
    pairs = (part.split() for part in text.split(","))
    return [(zh, pinyin) for zh, pinyin in pairs]


COUNTIES: Final = _words(
    "漳宁 Zhangning,沁和 Qinhe,潞川 Luchuan,云泽 Yunze,丹陵 Danling,襄和 Xianghe,上泽 Shangze,浊源 Zhuoyuan,"
    "安沁 Anqin,岚州 Lanzhou,平漳 Pingzhang,永沁 Yongqin,榆泽 Yuze,晋川 Jinchuan,石陵 Shiling,清漳 Qingzhang,"
    "长岚 Changlan,太沁 Taiqin,壶宁 Huning,黎川 Lichuan,霍泽 Huoze,汾陵 Fenling,介川 Jiechuan,昔和 Xihe,"
    "辽泽 Liaoze,武沁 Wuqin,左漳 Zuozhang,祁陵 Qiling,古川 Guchuan,浮宁 Funing,翼和 Yihe,泽南 Zenan,隰川 Xichuan,"
    "乡陵 Xiangling,沃泽 Woze,垣和 Yuanhe,临沁 Linqin,方岚 Fanglan,交川 Jiaochuan,灵泽 Lingze"
)
AXES: Final = (_words("解放 Jiefang")[0], _words("人民 Renmin")[0])
"""The main north-south road and the main east-west street."""
MAIN: Final = _words(
    "建设 Jianshe,和平 Heping,新华 Xinhua,胜利 Shengli,迎宾 Yingbin,朝阳 Chaoyang,振兴 Zhenxing,府前 Fuqian,"
    "文化 Wenhua,体育 Tiyu,光明 Guangming,友谊 Youyi,团结 Tuanjie,长征 Changzheng,青年 Qingnian,健康 Jiankang,"
    "工农 Gongnong,站前 Zhanqian,学府 Xuefu,太行 Taihang,英雄 Yingxiong,育才 Yucai,东风 Dongfeng,红旗 Hongqi,"
    "西湖 Xihu,兴业 Xingye,开元 Kaiyuan,府后 Fuhou,城隍 Chenghuang,惠丰 Huifeng,延安 Yan'an,紫金 Zijin"
)
_FIRST: Final = _words(
    "永 yong,兴 xing,安 an,长 chang,福 fu,康 kang,德 de,文 wen,新 xin,华 hua,金 jin,玉 yu,景 jing,瑞 rui"
)
_SECOND: Final = _words(
    "宁 ning,平 ping,泰 tai,盛 sheng,昌 chang,和 he,顺 shun,达 da,丰 feng,源 yuan,祥 xiang,荣 rong,富 fu"
)
_LANES: Final = _words(
    "槐树 Huaishu,柳树 Liushu,石坡 Shipo,水井 Shuijing,关帝 Guandi,文庙 Wenmiao,南门 Nanmen,北门 Beimen,"
    "东关 Dongguan,西关 Xiguan,铁匠 Tiejiang,豆腐 Doufu,油坊 Youfang,染坊 Ranfang,书院 Shuyuan,鼓楼 Gulou,"
    "钟楼 Zhonglou,城墙 Chengqiang,菜园 Caiyuan,果园 Guoyuan,马号 Mahao,粮店 Liangdian,布市 Bushi,盐店 Yandian,"
    "枣园 Zaoyuan,杏林 Xinglin,梧桐 Wutong,丁香 Dingxiang,莲池 Lianchi,后河 Houhe,前进 Qianjin,向阳 Xiangyang,"
    "曙光 Shuguang,幸福 Xingfu,吉祥 Jixiang,平安 Ping'an"
)
_SURNAMES: Final = _words(
    "王 Wang,李 Li,张 Zhang,刘 Liu,陈 Chen,杨 Yang,赵 Zhao,黄 Huang,周 Zhou,吴 Wu,徐 Xu,孙 Sun,胡 Hu,朱 Zhu,"
    "高 Gao,林 Lin,何 He,郭 Guo,马 Ma,罗 Luo,梁 Liang,宋 Song,郑 Zheng,谢 Xie,韩 Han,唐 Tang,冯 Feng,于 Yu,"
    "董 Dong,萧 Xiao,程 Cheng,曹 Cao,袁 Yuan,邓 Deng,许 Xu,傅 Fu,沈 Shen,曾 Zeng,彭 Peng,吕 Lü,苏 Su,卢 Lu,"
    "蒋 Jiang,蔡 Cai,贾 Jia,丁 Ding,魏 Wei,薛 Xue,叶 Ye,阎 Yan,余 Yu,潘 Pan,杜 Du,戴 Dai,夏 Xia,钟 Zhong,汪 Wang,"
    "田 Tian,任 Ren,姜 Jiang,范 Fan,方 Fang,石 Shi"
)
_PLACE_KINDS: Final = _words(
    "家庄 jiazhuang,家沟 jiagou,家岭 jialing,家坪 jiaping,家堡 jiabu,家河 jiahe,庄 zhuang,村 cun,家湾 jiawan,家峪 jiayu"
)
_SIDES: Final = _words("东 Dong,西 Xi,南 Nan,北 Bei,上 Shang,下 Xia,前 Qian,后 Hou,大 Da,小 Xiao")
_NATURE: Final = _words(
    "柳林 Liulin,石桥 Shiqiao,桃园 Taoyuan,清泉 Qingquan,龙泉 Longquan,虎头 Hutou,青石 Qingshi,白塔 Baita,"
    "黄土 Huangtu,红崖 Hongya,松树 Songshu,枣林 Zaolin,梨园 Liyuan,沙河 Shahe,岭上 Lingshang,古城 Gucheng,"
    "五里 Wuli,十里 Shili,双井 Shuangjing,双桥 Shuangqiao,土桥 Tuqiao,高坪 Gaoping,平川 Pingchuan,寨里 Zhaili,"
    "驼岭 Tuoling,凤凰 Fenghuang,云台 Yuntai,草坪 Caoping,榆树 Yushu,核桃 Hetao,楼底 Loudi,店上 Dianshang,"
    "河口 Hekou,泉沟 Quangou,南关 Nanguan,堡底 Budi,梁上 Liangshang,义门 Yimen,仁和 Renhe,善福 Shanfu"
)

_SIDE_ENGLISH: Final = {"东": "East", "西": "West", "南": "South", "北": "North", "中": "Middle", "": ""}
_KIND_ENGLISH: Final = {"街": "Street", "路": "Road", "巷": "Lane", "高速": "Expressway"}


def words_for(count: int, words: list[Word]) -> list[Word]:
    """Return ``count`` street words: first those given, then made-up pairs, then the same again."""
    made = [(a[0] + b[0], (a[1] + b[1]).capitalize()) for a in _FIRST for b in _SECOND if a[0] != b[0]]
    known = words + made[::7] + [word for index, word in enumerate(made) if index % 7]
    return [known[index % len(known)] for index in range(count)]


def street(word: Word, kind: str, side: str = "") -> Word:
    """Name a street, such as 人民东街, Renmin East Street."""
    english = " ".join(part for part in (word[1], _SIDE_ENGLISH[side], _KIND_ENGLISH[kind]) if part)
    return word[0] + side + kind, english


def lanes() -> list[Word]:
    """Return the names of old lanes."""
    return [street(word, "巷") for word in _LANES]


def villages(rng: np.random.Generator, count: int) -> list[Word]:
    """Return ``count`` village names; beyond some thousands they repeat, as they do in any province."""
    plain = [(s[0] + k[0], s[1] + k[1]) for s in _SURNAMES for k in _PLACE_KINDS]
    nature = [*_NATURE, *((n[0] + k[0], n[1] + k[1]) for n in _NATURE for k in _words("庄 zhuang,村 cun,沟 gou"))]
    sided = [(side[0] + base[0], side[1] + base[1].lower()) for side in _SIDES for base in plain + nature]
    first = [(plain + nature)[index] for index in rng.permutation(len(plain) + len(nature))]
    then = [sided[index] for index in rng.permutation(len(sided))]
    known = first + then
    return [known[index % len(known)] for index in range(count)]


def townships(rng: np.random.Generator, count: int) -> list[Word]:
    """Return ``count`` names of townships, without their kind."""
    made = [(a[0] + b[0], (a[1] + b[1]).capitalize()) for a in _FIRST for b in _SECOND if a[0] != b[0]]
    known = [_NATURE[index] for index in rng.permutation(len(_NATURE))]
    known += [made[index] for index in rng.permutation(len(made))]
    return [known[index % len(known)] for index in range(count)]


class NameBook:
    """Every name once, by number."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.names_zh: list[str] = []
        self._known: dict[Word, int] = {}

    def number(self, name: Word) -> int:
        """Return the number of a name, Chinese first; a new one is written down."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = len(self.names)
            self.names_zh.append(name[0])
            self.names.append(name[1])
        return found
