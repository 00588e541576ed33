namespace Gateway.Host.Runtime;

/// <summary>Those who want to be told of something; with nobody there, telling costs nothing.</summary>
internal sealed class Followers<T>
{
    private readonly Lock _gate = new();
    private Action<T>[] _all = [];

    public bool Any => Volatile.Read(ref _all).Length > 0;

    public void Tell(T news)
    {
        foreach (var follower in Volatile.Read(ref _all)) follower(news);
    }

    /// <summary>Tells <paramref name="follower"/> too, until what it gives is disposed.</summary>
    public IDisposable Follow(Action<T> follower)
    {
        lock (_gate) Volatile.Write(ref _all, [.. _all, follower]);
        return new Following(this, follower);
    }

    private sealed class Following(Followers<T> followers, Action<T> follower) : IDisposable
    {
        public void Dispose()
        {
            lock (followers._gate) Volatile.Write(ref followers._all, [.. followers._all.Where(f => f != follower)]);
        }
    }
}
