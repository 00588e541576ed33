using Gateway.Crypto;

namespace Gateway.Unit.Crypto;

/// <summary>The same bytes for the same seed.</summary>
internal sealed class SeededEntropy(int seed) : IEntropy
{
    private readonly Random _random = new(seed);

    public void Fill(Span<byte> destination) => _random.NextBytes(destination);
}
