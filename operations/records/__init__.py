"""Operations on records as they are, whatever they are about: everything, labels, differences, matches, the latest values."""
