using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gateway.Crypto.Interop;

namespace Gateway.Crypto.Aead;

/// <summary>
/// The key tables of one worker: a bounded number of them, for the keys that are in use. A table is a hundred times as long as its key and is made in half
/// a microsecond, so that ten thousand SAs of which a few carry packets need not have one each.
/// <para>
/// When there are more keys than tables, a key without one usually has its packet sealed with tables that are made in a fixed place and are gone with the next such packet: that place stays in the
/// processor's first cache, and keys in use keep theirs. Each sixteenth such packet gives its key a table, so a key that is used again comes to have one.
/// </para>
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

    private const ulong Unowned = 0, Busy = ulong.MaxValue;
    private const int WorkerBits = 8;

    /// <summary>One of so many packets whose key has no table is given one when another key has to lose it.</summary>
    private const int Passing = 16;

    private readonly AesGcmKeyBlock** _blocks = (AesGcmKeyBlock**)NativeMemory.AllocZeroed((nuint)most, (nuint)sizeof(nint));
    private readonly AesGcmPath _path = AesGcmEngine.Current;
    private int _count;
    private int _hand;
    private uint _frame;
    private int _passed;

    /// <summary>Tables that are some key's.</summary>
    private int _owned;

    /// <summary>For a packet at a time. Two, because the control side may be zeroing one of them.</summary>
    private readonly AesGcmKeyBlock*[] _passing = new AesGcmKeyBlock*[2];

    /// <summary>Tables that there is room for now.</summary>
    public int Room => Volatile.Read(ref _count);

    /// <summary>Tables that had to be made and were kept, since the beginning.</summary>
    public long Made { get; private set; }

    /// <summary>Tables that were made for a packet and not kept, since the beginning.</summary>
    public long MadeInPassing { get; private set; }

    /// <summary>Control side: makes room for so many keys, as far as the bound allows. Room is not taken back.</summary>
    public void Grow(int keys)
    {
        for (var i = 0; i < _passing.Length && _passing[i] == null; i++) _passing[i] = (AesGcmKeyBlock*)LockedMemory.Allocate(AesGcmKeyBlock.Size);
        for (var wanted = Math.Min(keys, most); _count < wanted;)
        {
            _blocks[_count] = (AesGcmKeyBlock*)LockedMemory.Allocate(AesGcmKeyBlock.Size);
            Volatile.Write(ref _count, _count + 1);
        }
    }

    /// <summary>Worker: a new frame begins; tables taken for the one before may go.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void BeginFrame() => _frame++;

    /// <summary>
    /// Worker: gives a job the table of a key, which stays until the next <see cref="BeginFrame"/>, or leaves it to the batch to make one for this packet. False when there is no room, which
    /// <see cref="Grow"/> was not asked for.
    /// </summary>
    /// <param name="seed">The key.</param>
    /// <param name="hint">Where its table was last time; kept beside the key by its owner.</param>
    /// <param name="job">Gets its key; the batch must be given this cache.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Take(AesGcmSeed* seed, ref AesGcmKeyBlock* hint, AeadJob* job)
    {
        var block = hint;
        if (block == null || block->Owner != OwnerOf(seed)) return Miss(seed, ref hint, job);
        job->Seed = null;
        job->Key = block;
        if (block->Frame == _frame) return true;
        block->Frame = _frame;
        block->Again = 1;
        return true;
    }

    /// <summary>Worker, in a batch: makes the tables of a job that was left without.</summary>
    internal void Fill(AeadJob* job)
    {
        var owner = OwnerOf(job->Seed);
        // Its text, its additional data and its length.
        var powers = Math.Min(AesGcmKeyBlock.Powers, (job->Length + 15) / 16 + (job->AadLength + 15) / 16 + 1);
        for (var i = 0; ; i ^= 1)
        {
            var block = job->Key = _passing[i];
            var before = Volatile.Read(ref block->Owner);
            if (before == owner && block->MadePowers >= powers) return;
            if (before == Busy || Interlocked.CompareExchange(ref block->Owner, Busy, before) != before) continue;
            PortableAesGcm.Release(block);
            _path.Prepare(block, job->Seed->Span, powers);
            MadeInPassing++;
            Volatile.Write(ref block->Owner, owner);
            return;
        }
    }

    /// <summary>Any thread: zeroes the tables of a key that this worker seals and opens no packet with any more, if there are any.</summary>
    /// <param name="seedId">The key's number.</param>
    /// <param name="hint">What <see cref="Take"/> left there for the key and this worker last.</param>
    public void Forget(ulong seedId, AesGcmKeyBlock* hint)
    {
        var owner = (seedId << WorkerBits) | (uint)worker;
        foreach (var block in _passing)
            if (block != null) Zero(block, owner);
        if (hint != null && Zero(hint, owner)) Interlocked.Decrement(ref _owned);
    }

    public override string ToString() => "***";

    public void Dispose()
    {
        for (var i = 0; i < _count; i++) Free(_blocks[i]);
        foreach (var block in _passing)
            if (block != null) Free(block);
        _count = 0;
        NativeMemory.Free(_blocks);
    }

    private static void Free(AesGcmKeyBlock* block)
    {
        PortableAesGcm.Release(block);
        LockedMemory.Free((byte*)block, AesGcmKeyBlock.Size);
    }

    private static bool Zero(AesGcmKeyBlock* block, ulong owner)
    {
        if (Volatile.Read(ref block->Owner) != owner || Interlocked.CompareExchange(ref block->Owner, Busy, owner) != owner) return false;
        Clear(block);
        Volatile.Write(ref block->Owner, Unowned);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong OwnerOf(AesGcmSeed* seed) => (seed->Id << WorkerBits) | (uint)worker;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool Miss(AesGcmSeed* seed, ref AesGcmKeyBlock* hint, AeadJob* job)
    {
        job->Seed = null;
        if (Volatile.Read(ref _owned) == most && ++_passed % Passing != 0)
        {
            job->Seed = seed;
            job->Key = _passing[0];
            return true;
        }
        job->Key = Make(seed, ref hint);
        return job->Key != null;
    }

    // Goes round and takes the first table that was not used again since the last time round.
    private AesGcmKeyBlock* Make(AesGcmSeed* seed, ref AesGcmKeyBlock* hint)
    {
        var count = Room;
        for (var tries = 3 * count; tries > 0; tries--)
        {
            if (++_hand >= count) _hand = 0;
            var block = _blocks[_hand];
            var owner = Volatile.Read(ref block->Owner);
            if (owner == Busy || (owner != Unowned && block->Frame == _frame)) continue;
            if (owner != Unowned && block->Again != 0)
            {
                block->Again = 0;
                continue;
            }

            if (Interlocked.CompareExchange(ref block->Owner, Busy, owner) != owner) continue;
            if (owner != Unowned) Clear(block);
            else Interlocked.Increment(ref _owned);
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
