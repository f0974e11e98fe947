"""Mathematics on numbers, arrays and symbols. Imports with torch absent."""
