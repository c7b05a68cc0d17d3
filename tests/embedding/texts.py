"""The texts that both runtimes must agree on: short, long, cut off, odd."""

LONG = " ".join(
    f"Sentence number {n} says that the backup of day {n} was verified by the operator on duty." for n in range(60)
)

TEXTS: tuple[str, ...] = (
    "",
    " ",
    "a",
    "How long are backups kept?",
    "Backups are kept for 35 days and then deleted.",
    "BACKUPS ARE KEPT FOR 35 DAYS!!!",
    "The quick brown fox jumps over the lazy dog.",
    "Ärzte müssen täglich über 100 Fälle prüfen – naïve façade, œuvre, Ångström.",
    "東京は日本の首都です。",
    "Привет, мир! Как дела?",
    "مرحبا بالعالم",
    "emoji 😀🚀 and symbols ∑∂∫ ≠ ≤ ∞",
    "def is_valid_date(text: str) -> bool:\n    return bool(re.match(r'\\d{4}-\\d{2}-\\d{2}', text))",
    "SELECT count(*) FROM arrivals WHERE state = 'pending' AND due_at <= now();",
    "https://example.com/a/very/long/path?with=query&and=more#fragment",
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "1234567890 3.14159 1e-9 0xDEADBEEF",
    "\t tabs \n newlines \r\n and   spaces  ",
    "No. Mr. Smith e.g. went, i.e. left; etc.",
    "[CLS] [SEP] [MASK] are special [PAD]",
    "word " * 100,
    "word " * 300,
    LONG,
    LONG[:900],
    LONG[:400],
)
