"""The gate on real card data: an ordinary champion, the study's best as challenger, labels that come late."""
