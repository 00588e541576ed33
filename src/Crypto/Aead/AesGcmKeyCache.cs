using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gateway.Crypto.Interop;

namespace Gateway.Crypto.Aead;

/// <summary>
/// The key tables of one worker: a bounded number of them, for the keys that are in use. A table is a hundred times as long as its key and is made in two
/// microseconds, so that ten thousand SAs of which a few carry packets need not have one each.
/// <para>
/// The worker alone takes tables (<see cref="Take"/>). The control side adds room (<see cref="Grow"/>), and zeroes the tables of a key that is gone
/// (<see cref="Forget"/>), while the worker goes on: whoever changes a table's owner to <see cref="Busy"/> has it to himself.
/// </para>
/// </summary>
/// <param name="worker">Number of the worker, below 256.</param>
/// <param name="most">Tables at most; more than a frame has packets.</param>
public sealed unsafe class AesGcmKeyCache(int worker, int most = AesGcmKeyCache.DefaultMost) : IDisposable
{
    /// <summary>14 MB a worker, and enough for both directions of two thousand SAs at once.</summary>
    public const int DefaultMost = 4096;

    private const ulong Free = 0, Busy = ulong.MaxValue;
    private const int WorkerBits = 8;

    private readonly AesGcmKeyBlock** _blocks = (AesGcmKeyBlock**)NativeMemory.AllocZeroed((nuint)most, (nuint)sizeof(nint));
    private readonly AesGcmPath _path = AesGcmEngine.Current;
    private int _count;
    private int _hand;
    private uint _frame;

    /// <summary>Tables that there is room for now.</summary>
    public int Room => Volatile.Read(ref _count);

    /// <summary>Tables that had to be made, since the beginning: each is a packet that waited two microseconds longer.</summary>
    public long Made { get; private set; }

    /// <summary>Control side: makes room for so many keys, as far as the bound allows. Room is not taken back.</summary>
    public void Grow(int keys)
    {
        for (var wanted = Math.Min(keys, most); _count < wanted;)
        {
            _blocks[_count] = (AesGcmKeyBlock*)LockedMemory.Allocate(AesGcmKeyBlock.Size);
            Volatile.Write(ref _count, _count + 1);
        }
    }

    /// <summary>Worker: a new frame begins; tables taken for the one before may go.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void BeginFrame() => _frame++;

    /// <summary>Worker: the table of a key; it stays until the next <see cref="BeginFrame"/>. Null when there is no room, which <see cref="Grow"/> was not asked for.</summary>
    /// <param name="seed">The key.</param>
    /// <param name="hint">Where its table was last time; kept beside the key by its owner.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public AesGcmKeyBlock* Take(AesGcmSeed* seed, ref AesGcmKeyBlock* hint)
    {
        var block = hint;
        if (block == null || block->Owner != OwnerOf(seed)) return Make(seed, ref hint);
        if (block->Frame == _frame) return block;
        block->Frame = _frame;
        block->Again = 1;
        return block;
    }

    /// <summary>Any thread: zeroes the table of a key that no packet is encrypted with any more, if there is one.</summary>
    public void Forget(ulong seedId)
    {
        var owner = (seedId << WorkerBits) | (uint)worker;
        for (var i = Room - 1; i >= 0; i--)
        {
            var block = _blocks[i];
            if (Volatile.Read(ref block->Owner) != owner || Interlocked.CompareExchange(ref block->Owner, Busy, owner) != owner) continue;
            Clear(block);
            Volatile.Write(ref block->Owner, Free);
            return;
        }
    }

    public override string ToString() => "***";

    public void Dispose()
    {
        for (var i = 0; i < _count; i++)
        {
            PortableAesGcm.Release(_blocks[i]);
            LockedMemory.Free((byte*)_blocks[i], AesGcmKeyBlock.Size);
        }

        _count = 0;
        NativeMemory.Free(_blocks);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong OwnerOf(AesGcmSeed* seed) => (seed->Id << WorkerBits) | (uint)worker;

    // Goes round and takes the first table that was not used again since the last time round.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private AesGcmKeyBlock* Make(AesGcmSeed* seed, ref AesGcmKeyBlock* hint)
    {
        var count = Room;
        for (var tries = 3 * count; tries > 0; tries--)
        {
            if (++_hand >= count) _hand = 0;
            var block = _blocks[_hand];
            var owner = Volatile.Read(ref block->Owner);
            if (owner == Busy || (owner != Free && block->Frame == _frame)) continue;
            if (owner != Free && block->Again != 0)
            {
                block->Again = 0;
                continue;
            }

            if (Interlocked.CompareExchange(ref block->Owner, Busy, owner) != owner) continue;
            if (owner != Free) Clear(block);
            block->Rounds = seed->Length / 4 + 6;
            _path.Prepare(block, seed->Span);
            block->Frame = _frame;
            block->Again = 0;
            Made++;
            Volatile.Write(ref block->Owner, OwnerOf(seed));
            hint = block;
            return block;
        }

        return null;
    }

    // All but the owner, by which others see that the table is not theirs.
    private static void Clear(AesGcmKeyBlock* block)
    {
        PortableAesGcm.Release(block);
        var (start, end) = (AesGcmKeyBlock.OwnerOffset, AesGcmKeyBlock.OwnerOffset + sizeof(ulong));
        new Span<byte>(block, start).Clear();
        new Span<byte>((byte*)block + end, AesGcmKeyBlock.Size - end).Clear();
    }
}
