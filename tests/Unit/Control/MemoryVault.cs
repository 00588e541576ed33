using System.Collections.Concurrent;
using System.Security.Cryptography;
using Gateway.Host.Control;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Unit.Control;

/// <summary>Keeps secrets in memory; can be full.</summary>
internal sealed class MemoryVault : ISecretVault, IBodyDigest
{
    public ConcurrentDictionary<KeyHandle, byte[]> Slots { get; } = [];

    public bool IsFull { get; set; }

    public void Put(KeyHandle slot, ReadOnlySpan<byte> value)
    {
        if (IsFull) throw new IOException("The vault is full.");
        Assert(Slots.TryAdd(slot, value.ToArray()));
    }

    public void Shred(KeyHandle slot) => Slots.TryRemove(slot, out _);

    public bool Holds(KeyHandle slot) => Slots.ContainsKey(slot);

    public Gateway.Crypto.Secret? Open(KeyHandle slot) => Slots.TryGetValue(slot, out var held) ? Gateway.Crypto.Secret.FromBytes(held) : null;

    public bool Matches(KeyHandle slot, ReadOnlySpan<byte> value) => Slots.TryGetValue(slot, out var held) && CryptographicOperations.FixedTimeEquals(held, value);

    public Octets Of(ReadOnlySpan<byte> canonicalBody) => new(HMACSHA256.HashData("a key of the test"u8, canonicalBody));

    private static void Assert(bool held)
    {
        if (!held) throw new InvalidOperationException("The slot was used before.");
    }
}
