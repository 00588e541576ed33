using Gateway.Crypto.Aead;

namespace Gateway.Dataplane.Tables;

/// <summary>The AES-GCM tables of all workers, as the control side sees them: room is made as SAs come, up to a bound for each worker.</summary>
internal sealed class KeyTables : IDisposable
{
    private readonly List<AesGcmKeyCache> _caches = [];
    private int _keys;

    /// <summary>The tables of a worker, made with its context.</summary>
    public AesGcmKeyCache Of(int worker)
    {
        while (_caches.Count <= worker) _caches.Add(new AesGcmKeyCache(_caches.Count));
        _caches[worker].Grow(_keys);
        return _caches[worker];
    }

    /// <summary>So many keys are installed: each worker may come to own all of them.</summary>
    public void Grow(int keys)
    {
        _keys = Math.Max(_keys, keys);
        foreach (var cache in _caches) cache.Grow(_keys);
    }

    /// <summary>No packet is sealed or opened with the key any more: its tables are zeroed.</summary>
    public void Forget(ulong seed)
    {
        foreach (var cache in _caches) cache.Forget(seed);
    }

    public void Dispose()
    {
        foreach (var cache in _caches) cache.Dispose();
        _caches.Clear();
    }
}
