using Gateway.Crypto;

namespace Gateway.Scenarios.Ike;

/// <summary>Randomness that is the same in every run with the same seed.</summary>
internal sealed class SeededEntropy(int seed) : IEntropy
{
    private readonly Random _random = new(seed);

    public void Fill(Span<byte> destination) => _random.NextBytes(destination);
}
